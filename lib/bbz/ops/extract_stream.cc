#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/io/spool.h"
#include "bbz/ops/extract.h"
#include "bbz/ops/internal/tensor_file.h"

namespace bbz::ops {
namespace {

// Keeps the selected tensors in a spool, and writes them after their header, at the end of a file
// or of the archive.
class SpoolingVisitor final : public Visitor {
 public:
  // With `out`, writes a file for each file of the archive; without, one file for all of them. `base` is
  // that of the archive, or null.
  SpoolingVisitor(io::Spool& spool, const Selection& selection, io::OutputTree* out,
                  const io::OutputOptions& output, const Base* base)
      : spool_(spool), selection_(selection), out_(out), output_options_(output), base_(base) {}

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
    wanted_ = selection_.selects(path_, tensor);
    if (!wanted_) return {};
    ++in_file_;
    places_.emplace(tensor.meta.number, Place{written_.size(), spool_.size()});
    return output_.add(tensor, path_);
  }

  Status data(const catalog::Tensor&, std::uint64_t, Bytes bytes) override {
    if (!wanted_) return {};
    summary_.bytes += bytes.size();
    return spool_.write(bytes);
  }

  // Reads bytes of a tensor again, from the spool or from the file that they were written to.
  Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                      MutableBytes bytes) override {
    if (!wanted_) return false;
    const auto found = places_.find(tensor.meta.number);
    if (found == places_.end()) return Visitor::recall(tensor, offset, bytes);
    const Place& place = found->second;
    if (place.file == written_.size()) {
      BBZ_TRY(spool_.read(place.offset + offset, bytes));
      return true;
    }
    const Written& file = written_[place.file];
    if (!again_ || again_file_ != place.file) {
      BBZ_TRY(batch_.publish());  // so that it has its name
      BBZ_ASSIGN(again_, out_->read_file(file.path));
      again_file_ = place.file;
    }
    BBZ_TRY(io::read_exactly(*again_, file.header_bytes + place.offset + offset, bytes));
    return true;
  }

  Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error& error) override {
    return wanted_ ? Status(error) : Status();
  }

  Status end_file(const catalog::File& file) override {
    if (in_file_ == 0) return {};
    if (!metadata_.empty()) BBZ_TRY(output_.add_metadata(metadata_));
    if (out_ == nullptr) return {};
    const std::string path = extracted_path(file.path);
    BBZ_ASSIGN(const auto sink, out_->create_file(path, output_options_, &batch_));
    BBZ_TRY(flush(*sink));
    written_.back().path = path;
    return sink->finish();
  }

  // Writes everything since the last call as one file.
  Status flush(io::Sink& sink) {
    BBZ_ASSIGN(const std::vector<std::byte> header, output_.header());
    BBZ_TRY(sink.write(header));
    BBZ_TRY(spool_.move_to(sink));
    if (base_ != nullptr) BBZ_TRY(base_->add_inputs(sink));
    written_.push_back({{}, header.size()});
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
  // Where the bytes of a tensor begin, counted from the first tensor of its output.
  struct Place {
    std::size_t file = 0;      // index in written_, or its size if they are in the spool
    std::uint64_t offset = 0;  // bytes
  };
  struct Written {
    std::string path;  // of the output, if it is one of several
    std::uint64_t header_bytes = 0;
  };

  io::Spool& spool_;
  const Selection& selection_;
  io::OutputTree* out_;
  const io::OutputOptions output_options_;
  io::Batch batch_;
  TensorFile output_;
  // Number, path and metadata of the current file of the archive; kNone before the first.
  std::uint32_t number_ = catalog::kNone;
  std::string path_;
  std::string metadata_;
  std::size_t in_file_ = 0;
  bool wanted_ = false;
  std::unordered_map<std::uint32_t, Place> places_;  // of the tensors so far that are selected
  std::vector<Written> written_;                     // the outputs that are complete
  std::unique_ptr<io::Source> again_;                // an output that is read again, or null
  std::size_t again_file_ = 0;                       // of again_, in written_
  ExtractSummary summary_;
  const Base* const base_;
};

// Reads the whole stream. A single output goes to `sink`, several go to `out`; the other one is
// null.
Result<ExtractSummary> run(const StreamInput& archive, io::Sink* sink, io::OutputTree* out,
                           const ExtractOptions& options, const io::OutputOptions& output,
                           const std::string& spool_folder) {
  BBZ_ASSIGN(const auto spool, io::Spool::create(spool_folder));
  SpoolingVisitor visitor(*spool, options.selection, out, output, archive.base.get());
  StreamOptions stream = archive.options();
  stream.progress = options.progress;
  stream.wants = [&](const catalog::File& file, const catalog::Tensor& tensor) {
    return options.selection.selects(file.path, tensor);
  };
  const auto read = read_stream(archive.source, stream, visitor);
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

Result<ExtractSummary> extract_stream(const StreamInput& archive, io::Sink& sink,
                                      const ExtractOptions& options,
                                      const std::string& spool_folder) {
  BBZ_TRY(io::add_input(sink, archive.source));
  return run(archive, &sink, nullptr, options, {}, spool_folder);
}

Result<ExtractSummary> extract_files_stream(const StreamInput& archive, io::OutputTree& out,
                                            const ExtractFilesOptions& options,
                                            const std::string& spool_folder) {
  return run(archive, nullptr, &out, options,
             {options.replace, options.sync, archive.source.file_status()}, spool_folder);
}

}  // namespace bbz::ops
