#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/extract.h"
#include "bbz/ops/internal/spool.h"
#include "bbz/ops/internal/tensor_file.h"

namespace bbz::ops {
namespace {

// Keeps the selected tensors in a spool, and writes them after their header, at the end of a file
// or of the archive.
class SpoolingVisitor final : public Visitor {
 public:
  SpoolingVisitor(Spool& spool, const ExtractOptions& options, io::OutputTree* out,
                  const io::Source& archive)
      : spool_(spool),
        options_(options),
        out_(out),
        output_options_{options.replace, options.sync, archive.file_status()} {}

  Status begin_file(const catalog::File& file) override {
    path_ = file.path;
    ++number_;
    metadata_.clear();
    in_file_ = 0;
    return {};
  }

  Status metadata(const catalog::Metadata& metadata, std::string_view value) override {
    if (metadata.meta.file == number_ && metadata.meta.key == kSafetensorsKey) {
      metadata_ = value;
    }
    return {};
  }

  Status begin_tensor(const catalog::Tensor& tensor) override {
    catalog::File file;
    file.path = path_;
    wanted_ = options_.selection.selects(file, tensor);
    if (!wanted_) return {};
    ++in_file_;
    return output_.add(tensor, path_);
  }

  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    if (!wanted_) return {};
    summary_.bytes += bytes.size();
    return spool_.write(bytes);
  }

  Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error& error) override {
    return wanted_ ? Status(error) : Status();
  }

  Status end_file(const catalog::File& file) override {
    if (in_file_ == 0) return {};
    if (!metadata_.empty()) BBZ_TRY(output_.add_metadata(metadata_));
    if (out_ == nullptr) return {};
    BBZ_ASSIGN(const auto sink,
               out_->create_file(extracted_path(file.path), output_options_, &batch_));
    BBZ_TRY(flush(*sink));
    return sink->finish();
  }

  // Writes everything since the last call as one file.
  Status flush(io::Sink& sink) {
    BBZ_ASSIGN(const std::vector<std::byte> header, output_.header());
    BBZ_TRY(sink.write(header));
    BBZ_TRY(spool_.move_to(sink));
    summary_.tensors += output_.tensors();
    ++summary_.files;
    output_ = {};
    return {};
  }

  // Publishes the files that are complete.
  Status publish() { return batch_.finish(); }

  bool is_empty() const { return summary_.files == 0 && output_.tensors() == 0; }
  const ExtractSummary& summary() const { return summary_; }

 private:
  Spool& spool_;
  const ExtractOptions& options_;
  io::OutputTree* out_;  // null: one output for all files
  const io::OutputOptions output_options_;
  io::Batch batch_;
  TensorFile output_;
  // Number, path and metadata of the current file of the archive; kNone before the first.
  std::uint32_t number_ = catalog::kNone;
  std::string path_;
  std::string metadata_;
  std::size_t in_file_ = 0;
  bool wanted_ = false;
  ExtractSummary summary_;
};

// Reads the whole stream. A single output goes to `sink`, several go to `out`; the other one is
// null.
Result<ExtractSummary> run(io::Source& source, io::Sink* sink, io::OutputTree* out,
                           const ExtractOptions& options) {
  BBZ_ASSIGN(const auto spool, Spool::create(options.spool_folder));
  SpoolingVisitor visitor(*spool, options, out, source);
  StreamOptions stream;
  stream.threads = options.threads;
  stream.limits = options.limits;
  stream.progress = options.progress;
  stream.wants = [&](const catalog::File& file, const catalog::Tensor& tensor) {
    return options.selection.selects(file, tensor);
  };
  const auto read = read_stream(source, stream, visitor);
  const Status published = visitor.publish();
  BBZ_TRY(read);
  BBZ_TRY(published);
  if (visitor.is_empty()) {
    return make_error(Code::kNotFound, "no tensor matches ({})", options.selection.to_string());
  }
  if (sink != nullptr) BBZ_TRY(visitor.flush(*sink));
  return visitor.summary();
}

}  // namespace

Result<ExtractSummary> extract_stream(io::Source& source, io::Sink& sink,
                                      const ExtractOptions& options) {
  BBZ_TRY(io::add_input(sink, source));
  return run(source, &sink, nullptr, options);
}

Result<ExtractSummary> extract_files_stream(io::Source& source, io::OutputTree& out,
                                            const ExtractOptions& options) {
  return run(source, nullptr, &out, options);
}

}  // namespace bbz::ops
