#include "bbz/pack/unpack.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/pack/file_assembler.h"

namespace bbz::pack {

bool is_exact(const catalog::Catalog& catalog) {
  return std::ranges::none_of(catalog.metadata, [](const catalog::Metadata& metadata) {
    return metadata.meta.key == "symmetry";
  });
}

namespace {

// What both ways of writing files share: the file that is open, and what has been written.
class FileWriter : public Visitor {
 public:
  explicit FileWriter(const UnpackOptions& options) : options_(options) {}

  Status begin_archive(const container::FileHeader& header) override {
    digest_ = header.digest_kind;
    return {};
  }

  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!assembler_ || tensor.is_operand()) return {};
    summary_.bytes += bytes.size();
    if (report_written_ && options_.progress) options_.progress(summary_.bytes);
    return assembler_->put(tensor, offset, bytes);
  }

  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk&,
                 const Error& error) override {
    if (!assembler_ || tensor.is_operand()) return {};  // not asked for
    return error;
  }

  // Whether progress is told from here, in bytes written.
  void report_written() { report_written_ = true; }

 protected:
  void open(io::Sink& sink) { assembler_.emplace(sink, digest_); }
  bool is_open() const { return assembler_.has_value(); }
  Status close(const catalog::File& file) {
    BBZ_TRY(assembler_->end(file));
    assembler_.reset();
    return {};
  }
  Result<UnpackSummary> summarise(bool found, const Digest& root, const catalog::Catalog& catalog) {
    if (!found) {
      return make_error(Code::kNotFound, "no file matches ({})", options_.selection.to_string());
    }
    summary_.root = root;
    summary_.exact = is_exact(catalog);
    return summary_;
  }

  const UnpackOptions& options_;
  UnpackSummary summary_;

 private:
  DigestKind digest_{};
  bool report_written_ = false;
  std::optional<FileAssembler> assembler_;
};

// Writes the files that it is shown below an output folder.
class TreeWriter final : public FileWriter {
 public:
  TreeWriter(io::OutputTree& out, const UnpackOptions& options) : FileWriter(options), out_(out) {}

  Status begin_file(const catalog::File& file) override {
    if (!options_.selection.selects_file(file.path)) return {};
    if (file.kind == catalog::FileKind::kDirectory) {
      ++summary_.files;
      return out_.make_directory(file.path);
    }
    BBZ_ASSIGN(sink_, out_.create_file(file.path, {options_.replace}));
    open(*sink_);
    return {};
  }

  Status end_file(const catalog::File& file) override {
    if (!is_open()) return {};
    BBZ_TRY(close(file));
    BBZ_TRY(sink_->finish());
    sink_.reset();
    ++summary_.files;
    return {};
  }

  Result<UnpackSummary> summary(const Digest& root, const catalog::Catalog& catalog) {
    return summarise(summary_.files != 0 || options_.selection.files.empty(), root, catalog);
  }

 private:
  io::OutputTree& out_;
  std::unique_ptr<io::AtomicFile> sink_;
};

// Writes the one file that is selected to a sink.
class SingleWriter final : public FileWriter {
 public:
  SingleWriter(io::Sink& sink, const UnpackOptions& options) : FileWriter(options), sink_(sink) {}

  Status begin_file(const catalog::File& file) override {
    if (!is_selected(file, options_.selection)) return {};
    if (summary_.files != 0) return several(options_.selection);
    ++summary_.files;
    open(sink_);
    return {};
  }

  Status end_file(const catalog::File& file) override { return is_open() ? close(file) : Status(); }

  static bool is_selected(const catalog::File& file, const Selection& selection) {
    return file.kind == catalog::FileKind::kRegular && selection.selects_file(file.path);
  }

  static Error several(const Selection& selection) {
    return make_error(Code::kInvalidArgument,
                      "several files match ({}): choose one of them (--file), or name a folder "
                      "(-C)",
                      selection.to_string());
  }

  Result<UnpackSummary> summary(const Digest& root, const catalog::Catalog& catalog) {
    return summarise(summary_.files != 0, root, catalog);
  }

 private:
  io::Sink& sink_;
};

StreamOptions stream_options(const UnpackOptions& options) {
  StreamOptions stream;
  stream.threads = options.threads;
  stream.limits = options.limits;
  stream.progress = options.progress;
  stream.wants = [&](const catalog::File& file, const catalog::Tensor&) {
    return options.selection.selects_file(file.path);
  };
  return stream;
}

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
  return writer.summary(reader.root(), reader.catalog());
}

Result<UnpackSummary> unpack_stream(io::Source& source, io::OutputTree& out,
                                    const UnpackOptions& options) {
  TreeWriter writer(out, options);
  BBZ_ASSIGN(const StreamSummary read, read_stream(source, stream_options(options), writer));
  return writer.summary(read.root, read.catalog);
}

Result<UnpackSummary> unpack_one(const Reader& reader, io::Sink& sink,
                                 const UnpackOptions& options) {
  std::vector<std::uint32_t> selected;
  for (std::uint32_t number = 0; number < reader.catalog().files.size(); ++number) {
    if (SingleWriter::is_selected(reader.catalog().files[number], options.selection)) {
      selected.push_back(number);
    }
  }
  if (selected.size() > 1) return SingleWriter::several(options.selection);
  SingleWriter writer(sink, options);
  writer.report_written();
  BBZ_TRY(reader.visit_files(selected, writer));
  return writer.summary(reader.root(), reader.catalog());
}

Result<UnpackSummary> unpack_one_stream(io::Source& source, io::Sink& sink,
                                        const UnpackOptions& options) {
  SingleWriter writer(sink, options);
  BBZ_ASSIGN(const StreamSummary read, read_stream(source, stream_options(options), writer));
  return writer.summary(read.root, read.catalog);
}

}  // namespace bbz::pack
