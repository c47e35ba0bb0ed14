#include "bbz/ops/unpack.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/ops/internal/file_assembler.h"

namespace bbz::ops {

bool is_exact(const catalog::Catalog& catalog) {
  return std::ranges::none_of(catalog.metadata, [](const catalog::Metadata& metadata) {
    return metadata.meta.key == "symmetry";
  });
}

namespace {

// Decides where files are written.
class Destination {
 public:
  virtual ~Destination() = default;

  // Returns the sink for the bytes of a file, or null if it has none or is not selected.
  virtual Result<io::Sink*> begin(const catalog::File& file) = 0;
  // Called when all bytes of the file are written.
  virtual Status end() = 0;
  // Returns whether the archive had something that was selected.
  virtual bool satisfied() const = 0;

  std::uint64_t files() const { return files_; }

 protected:
  std::uint64_t files_ = 0;  // files that were begun, and empty directories
};

// Writes each file under its name below an output directory.
class Tree final : public Destination {
 public:
  Tree(io::OutputTree& out, const UnpackOptions& options, const io::Source& archive)
      : out_(out), options_(options), output_(output_options(options, archive)) {}

  static io::OutputOptions output_options(const UnpackOptions& options, const io::Source& archive) {
    return {options.replace, options.sync, archive.file_status()};
  }

  Result<io::Sink*> begin(const catalog::File& file) override {
    if (!options_.selection.selects_file(file.path)) return nullptr;
    ++files_;
    if (file.kind == catalog::FileKind::kDirectory) {
      BBZ_TRY(out_.make_directory(file.path));
      return nullptr;
    }
    BBZ_ASSIGN(file_, out_.create_file(file.path, output_, &batch_));
    return file_.get();
  }
  Status end() override {
    BBZ_TRY(file_->finish());
    file_.reset();
    return {};
  }
  bool satisfied() const override { return files_ != 0 || options_.selection.files.empty(); }

  // Publishes the complete files, even if a later one failed.
  Result<UnpackSummary> finish(Result<UnpackSummary> summary) {
    file_.reset();
    const Status published = batch_.finish();
    if (summary.ok() && !published.ok()) return published.error();
    return summary;
  }

 private:
  io::OutputTree& out_;
  const UnpackOptions& options_;
  const io::OutputOptions output_;
  io::Batch batch_;
  std::unique_ptr<io::AtomicFile> file_;
};

// Writes the one selected file to a sink.
class Single final : public Destination {
 public:
  Single(io::Sink& sink, const UnpackOptions& options)
      : sink_(sink), selection_(options.selection) {}

  Result<io::Sink*> begin(const catalog::File& file) override {
    if (!is_selected(file, selection_)) return nullptr;
    if (++files_ > 1) return several(selection_);
    return &sink_;
  }
  Status end() override { return {}; }
  bool satisfied() const override { return files_ != 0; }

  static bool is_selected(const catalog::File& file, const Selection& selection) {
    return file.kind == catalog::FileKind::kRegular && selection.selects_file(file.path);
  }
  static Error several(const Selection& selection) {
    return make_error(Code::kInvalidArgument, Remedy::kChooseOrSeparate,
                      "several files match ({}): choose one of them, or unpack into a directory",
                      selection.to_string());
  }

 private:
  io::Sink& sink_;
  const Selection& selection_;
};

// Writes the files that a stream delivers.
class StreamWriter final : public Visitor {
 public:
  explicit StreamWriter(Destination& destination) : destination_(destination) {}

  Status begin_file(const catalog::File& file) override {
    BBZ_ASSIGN(io::Sink* const sink, destination_.begin(file));
    if (sink != nullptr) assembler_.emplace(*sink);
    return {};
  }

  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!assembler_ || tensor.is_operand()) return {};
    written_ += bytes.size();
    return assembler_->put(tensor, offset, bytes);
  }

  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk&,
                 const Error& error) override {
    if (!assembler_ || tensor.is_operand()) return {};  // not selected
    return error;
  }

  Status end_file(const catalog::File& file) override {
    if (!assembler_) return {};
    BBZ_TRY(assembler_->end(file));
    assembler_.reset();
    return destination_.end();
  }

  std::uint64_t written() const { return written_; }

 private:
  Destination& destination_;
  std::uint64_t written_ = 0;
  std::optional<FileAssembler> assembler_;
};

Result<UnpackSummary> summarise(const Destination& destination, std::uint64_t bytes,
                                const Digest& root, const catalog::Catalog& catalog,
                                const UnpackOptions& options) {
  if (!destination.satisfied()) {
    return make_error(Code::kNotFound, "no file matches ({})", options.selection.to_string());
  }
  return UnpackSummary{destination.files(), bytes, root, is_exact(catalog)};
}

Result<UnpackSummary> write_files(const Reader& reader, Destination& destination,
                                  const UnpackOptions& options) {
  std::uint64_t written = 0;
  for (const catalog::File& file : reader.catalog().files) {
    BBZ_ASSIGN(io::Sink* const sink, destination.begin(file));
    if (sink == nullptr) continue;
    BBZ_TRY(reader.write_tensors(file.tensors, *sink, [&](std::uint64_t bytes) {
      if (options.progress) options.progress(written + bytes);
    }));
    BBZ_TRY(destination.end());
    written += file.size;
  }
  return summarise(destination, written, reader.root(), reader.catalog(), options);
}

Result<UnpackSummary> write_stream(io::Source& source, Destination& destination,
                                   const UnpackOptions& options) {
  StreamOptions stream;
  stream.threads = options.threads;
  stream.limits = options.limits;
  stream.progress = options.progress;
  stream.wants = [&](const catalog::File& file, const catalog::Tensor&) {
    return options.selection.selects_file(file.path);
  };
  StreamWriter writer(destination);
  BBZ_ASSIGN(const StreamSummary read, read_stream(source, stream, writer));
  return summarise(destination, writer.written(), read.root, read.catalog, options);
}

}  // namespace

Result<UnpackSummary> unpack(const Reader& reader, io::OutputTree& out,
                             const UnpackOptions& options) {
  const io::OutputOptions output = Tree::output_options(options, reader.source());
  for (const catalog::File& file : reader.catalog().files) {
    if (!Single::is_selected(file, options.selection)) continue;
    BBZ_TRY(out.check_file(file.path, output));
  }
  Tree tree(out, options, reader.source());
  return tree.finish(write_files(reader, tree, options));
}

Result<UnpackSummary> unpack_stream(io::Source& source, io::OutputTree& out,
                                    const UnpackOptions& options) {
  Tree tree(out, options, source);
  return tree.finish(write_stream(source, tree, options));
}

Result<UnpackSummary> unpack_one(const Reader& reader, io::Sink& sink,
                                 const UnpackOptions& options) {
  BBZ_TRY(io::add_input(sink, reader.source()));
  // Check this before anything is written.
  const auto matches = std::ranges::count_if(reader.catalog().files, [&](const auto& file) {
    return Single::is_selected(file, options.selection);
  });
  if (matches > 1) return Single::several(options.selection);
  Single single(sink, options);
  return write_files(reader, single, options);
}

Result<UnpackSummary> unpack_one_stream(io::Source& source, io::Sink& sink,
                                        const UnpackOptions& options) {
  BBZ_TRY(io::add_input(sink, source));
  Single single(sink, options);
  return write_stream(source, single, options);
}

}  // namespace bbz::ops
