#include "bbz/pack/unpack.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/pack/file_assembler.h"

namespace bbz::pack {
namespace {

// Writes the files that it is shown below an output folder.
class TreeWriter final : public Visitor {
 public:
  TreeWriter(io::OutputTree& out, const UnpackOptions& options) : out_(out), options_(options) {}

  Status begin_archive(const container::FileHeader& header) override {
    digest_ = header.digest_kind;
    return {};
  }

  Status begin_file(const catalog::File& file) override {
    if (!options_.selection.selects_file(file.path)) return {};
    if (file.kind == catalog::FileKind::kDirectory) {
      ++summary_.files;
      return out_.make_directory(file.path);
    }
    BBZ_ASSIGN(sink_, out_.create_file(file.path, {options_.replace}));
    assembler_.emplace(*sink_, digest_);
    return {};
  }

  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!assembler_ || tensor.is_operand()) return {};
    summary_.bytes += bytes.size();
    if (report_written_ && options_.progress) options_.progress(summary_.bytes);
    return assembler_->put(tensor, offset, bytes);
  }

  Status end_file(const catalog::File& file) override {
    if (!assembler_) return {};
    BBZ_TRY(assembler_->end(file));
    BBZ_TRY(sink_->finish());
    assembler_.reset();
    sink_.reset();
    ++summary_.files;
    return {};
  }

  // Whether progress is told from here, in bytes written.
  void report_written() { report_written_ = true; }

  Result<UnpackSummary> summary(const Digest& root) {
    if (summary_.files == 0 && !options_.selection.files.empty()) {
      return make_error(Code::kNotFound, "no file matches ({})", options_.selection.to_string());
    }
    summary_.root = root;
    return summary_;
  }

 private:
  io::OutputTree& out_;
  const UnpackOptions& options_;
  DigestKind digest_{};
  bool report_written_ = false;
  std::unique_ptr<io::AtomicFile> sink_;
  std::optional<FileAssembler> assembler_;
  UnpackSummary summary_;
};

// Writes one file to a sink.
class SinkWriter final : public Visitor {
 public:
  SinkWriter(io::Sink& sink, DigestKind digest, const Progress& progress)
      : assembler_(sink, digest), progress_(progress) {}

  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    bytes_ += bytes.size();
    if (progress_) progress_(bytes_);
    return assembler_.put(tensor, offset, bytes);
  }
  Status end_file(const catalog::File& file) override { return assembler_.end(file); }

 private:
  FileAssembler assembler_;
  const Progress& progress_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<UnpackSummary> unpack(const Reader& reader, io::OutputTree& out,
                             const UnpackOptions& options) {
  const catalog::Catalog& catalog = reader.catalog();
  std::vector<std::uint32_t> selected;
  for (std::uint32_t number = 0; number < catalog.files.size(); ++number) {
    const catalog::File& file = catalog.files[number];
    if (!options.selection.selects_file(file.path)) continue;
    selected.push_back(number);
    if (file.kind == catalog::FileKind::kRegular) {
      BBZ_TRY(out.check_file(file.path, {options.replace}));
    }
  }
  TreeWriter writer(out, options);
  writer.report_written();
  BBZ_TRY(reader.visit_files(selected, writer));
  return writer.summary(reader.root());
}

Result<UnpackSummary> unpack_stream(io::Source& source, io::OutputTree& out,
                                    const UnpackOptions& options) {
  StreamOptions stream;
  stream.threads = options.threads;
  stream.limits = options.limits;
  stream.progress = options.progress;
  TreeWriter writer(out, options);
  BBZ_ASSIGN(const StreamSummary read, read_stream(source, stream, writer));
  return writer.summary(read.root);
}

Status unpack_file(const Reader& reader, std::uint32_t file, io::Sink& sink,
                   const Progress& progress) {
  SinkWriter writer(sink, reader.catalog().header.digest_kind, progress);
  const std::uint32_t files[] = {file};
  return reader.visit_files(files, writer);
}

}  // namespace bbz::pack
