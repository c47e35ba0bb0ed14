#include "bbz/ops/unpack.h"

#include <algorithm>
#include <functional>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/internal/file_assembler.h"
#include "bbz/ops/internal/rereadable.h"

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
  // Returns whether a file or directory is selected.
  virtual bool selects(const catalog::File& file) const = 0;
  // Called when all bytes of the file are written.
  virtual Status end() = 0;
  // Reads bytes of a file that was begun, from `offset` on, once more. Errors: kUnsupported if it was
  // not selected, or if the output cannot be read.
  virtual Status read_again(const std::string& path, std::uint64_t offset, MutableBytes bytes) = 0;
  // Returns whether the archive had something that was selected.
  virtual bool satisfied() const = 0;

  std::uint64_t files() const { return files_; }

 protected:
  std::uint64_t files_ = 0;  // files that were begun, and empty directories
};

Error not_selected(const std::string& path) {
  return make_error(
      Code::kUnsupported,
      "it repeats or is a view of bytes of file {}, which is not selected and has passed: read the "
      "archive from a file",
      bbz::quoted(path));
}

// Writes each file under its name below an output directory.
class Tree final : public Destination {
 public:
  // `add_inputs` adds the files of the base to the sink of a file that is complete.
  Tree(io::OutputTree& out, const UnpackOptions& options, const io::Source& archive,
       std::function<Status(io::Sink&)> add_inputs)
      : out_(out),
        options_(options),
        output_(output_options(options, archive)),
        add_inputs_(std::move(add_inputs)) {}

  static io::OutputOptions output_options(const UnpackOptions& options, const io::Source& archive) {
    return {options.replace, options.sync, archive.file_status()};
  }

  Result<io::Sink*> begin(const catalog::File& file) override {
    if (!selects(file)) return nullptr;
    BBZ_TRY(catalog::check_file(file));
    ++files_;
    if (file.kind == catalog::FileKind::kDirectory) {
      // It is empty, so nothing changes its time later, or needs permissions to it.
      BBZ_TRY(out_.make_directory(file.path, restored(file)));
      return nullptr;
    }
    io::OutputOptions output = output_;
    output.attributes = restored(file);
    BBZ_ASSIGN(file_, out_.create_file(file.path, output, &batch_));
    path_ = file.path;
    return file_.get();
  }
  Status read_again(const std::string& path, std::uint64_t offset, MutableBytes bytes) override {
    if (file_ && path == path_) return file_->read(offset, bytes);
    if (!options_.files.selects(path)) return not_selected(path);
    if (!again_ || again_path_ != path) {
      BBZ_TRY(batch_.publish());  // so that it has its name
      BBZ_ASSIGN(again_, out_.read_file(path));
      again_path_ = path;
    }
    return io::read_exactly(*again_, offset, bytes);
  }
  bool selects(const catalog::File& file) const override {
    return options_.files.selects(file.path);
  }
  Status end() override {
    BBZ_TRY(add_inputs_(*file_));
    BBZ_TRY(file_->finish());
    file_.reset();
    return {};
  }
  bool satisfied() const override { return files_ != 0 || options_.files.patterns.empty(); }

  // Publishes the complete files, even if a later one failed.
  Result<UnpackSummary> finish(Result<UnpackSummary> summary) {
    file_.reset();
    const Status published = batch_.finish();
    if (summary.ok() && !published.ok()) return published.error();
    return summary;
  }

 private:
  io::FileAttributes restored(const catalog::File& file) const {
    return file.attributes().only(options_.modes, options_.times);
  }

  io::OutputTree& out_;
  const UnpackOptions& options_;
  const io::OutputOptions output_;
  const std::function<Status(io::Sink&)> add_inputs_;
  io::Batch batch_;
  std::unique_ptr<io::AtomicFile> file_;
  std::string path_;                   // of file_
  std::unique_ptr<io::Source> again_;  // a complete file that is read again, or null
  std::string again_path_;             // of again_
};

// Writes the one selected file to a sink.
class Single final : public Destination {
 public:
  Single(io::Sink& sink, const FileSelection& files) : sink_(sink), selected_(files) {}

  Result<io::Sink*> begin(const catalog::File& file) override {
    if (!selects(file)) return nullptr;
    BBZ_TRY(catalog::check_file(file));
    if (++files_ > 1) return several(selected_);
    begin_ = sink_.written();
    return &sink_;
  }
  bool selects(const catalog::File& file) const override { return is_selected(file, selected_); }
  Status read_again(const std::string& path, std::uint64_t offset, MutableBytes bytes) override {
    if (!selected_.selects(path)) return not_selected(path);
    return sink_.read(begin_ + offset, bytes);
  }
  Status end() override { return {}; }
  bool satisfied() const override { return files_ != 0; }

  static bool is_selected(const catalog::File& file, const FileSelection& files) {
    return file.kind == catalog::FileKind::kRegular && files.selects(file.path);
  }
  static Error several(const FileSelection& files) {
    return make_error(Code::kInvalidArgument, Remedy::kChooseOrSeparate,
                      "several files match ({}): choose one of them, or unpack into a directory",
                      files.to_string());
  }

 private:
  io::Sink& sink_;
  std::uint64_t begin_ = 0;  // of the file, in the sink
  const FileSelection& selected_;
};

// Writes the files that a stream delivers.
class StreamWriter final : public Visitor {
 public:
  explicit StreamWriter(Destination& destination) : destination_(destination) {}

  Status begin_file(const catalog::File& file) override {
    paths_.push_back(file.path);
    BBZ_ASSIGN(io::Sink* const sink, destination_.begin(file));
    if (sink != nullptr) assembler_.emplace(*sink);
    return {};
  }

  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (!assembler_ || tensor.is_operand()) return {};
    written_ += bytes.size();
    return assembler_->put(tensor, offset, bytes);
  }

  Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                      MutableBytes bytes) override {
    if (!assembler_) return false;
    BBZ_TRY(destination_.read_again(paths_[tensor.meta.file], tensor.meta.offset + offset, bytes));
    return true;
  }

  Status damaged(const catalog::Tensor& tensor, const catalog::Chunk&,
                 const Error& error) override {
    if (!assembler_ || tensor.is_operand()) return {};  // not selected
    return error;
  }

  // The bytes of a view are in the tensor that it is a view of.
  Status not_derived(const catalog::Tensor& tensor, const Error& error) override {
    return tensor.meta.is_view() ? Status() : error;
  }

  Status end_file(const catalog::File& file) override {
    if (!assembler_) return destination_.selects(file) ? catalog::check_file(file) : Status();
    BBZ_TRY(assembler_->end(file));
    assembler_.reset();
    return destination_.end();
  }

  std::uint64_t written() const { return written_; }

 private:
  Destination& destination_;
  std::uint64_t written_ = 0;
  std::vector<std::string> paths_;  // of all files so far, by number
  std::optional<FileAssembler> assembler_;
};

Result<UnpackSummary> summarise(const Destination& destination, std::uint64_t bytes,
                                const Digest& root, const catalog::Catalog& catalog,
                                const FileSelection& files) {
  if (!destination.satisfied()) {
    return make_error(Code::kNotFound, "no file matches ({})", files.to_string());
  }
  return UnpackSummary{destination.files(), bytes, root, is_exact(catalog)};
}

Result<UnpackSummary> write_files(const Reader& reader, Destination& destination,
                                  const FileSelection& files, const Progress& progress) {
  std::uint64_t written = 0;
  for (const catalog::File& file : reader.catalog().files) {
    BBZ_ASSIGN(io::Sink* const sink, destination.begin(file));
    if (sink == nullptr) continue;
    BBZ_TRY(reader.write_tensors(file.tensors, *sink, [&](std::uint64_t bytes) {
      if (progress) progress(written + bytes);
    }));
    BBZ_TRY(destination.end());
    written += file.size;
  }
  return summarise(destination, written, reader.root(), reader.catalog(), files);
}

Result<UnpackSummary> write_stream(const StreamInput& archive, Destination& destination,
                                   const FileSelection& files, const Progress& progress) {
  StreamOptions stream = archive.options();
  stream.progress = progress;
  stream.wants = [&](const catalog::File& file, const catalog::Tensor& tensor) {
    return !tensor.meta.is_view() && files.selects(file.path);
  };
  StreamWriter writer(destination);
  BBZ_ASSIGN(const StreamSummary read, read_stream(archive.source, stream, writer));
  return summarise(destination, writer.written(), read.root, read.catalog, files);
}

}  // namespace

Result<UnpackSummary> unpack(const Reader& reader, io::OutputTree& out,
                             const UnpackOptions& options) {
  const io::OutputOptions output = Tree::output_options(options, reader.source());
  for (const catalog::File& file : reader.catalog().files) {
    if (!Single::is_selected(file, options.files)) continue;
    BBZ_TRY(out.check_file(file.path, output));
  }
  Tree tree(out, options, reader.source(),
            [&](io::Sink& sink) { return reader.add_base_inputs(sink); });
  return tree.finish(write_files(reader, tree, options.files, options.progress));
}

Result<UnpackSummary> unpack_stream(const StreamInput& archive, io::OutputTree& out,
                                    const UnpackOptions& options) {
  Tree tree(out, options, archive.source,
            [&](io::Sink& sink) { return archive.add_base_inputs(sink); });
  return tree.finish(write_stream(archive, tree, options.files, options.progress));
}

Result<UnpackSummary> unpack_one(const Reader& reader, io::Sink& sink, const FileSelection& files,
                                 const Progress& progress) {
  BBZ_TRY(io::add_input(sink, reader.source()));
  // Check this before anything is written.
  const auto matches = std::ranges::count_if(
      reader.catalog().files, [&](const auto& file) { return Single::is_selected(file, files); });
  if (matches > 1) return Single::several(files);
  Single single(sink, files);
  BBZ_ASSIGN(const UnpackSummary summary, write_files(reader, single, files, progress));
  BBZ_TRY(reader.add_base_inputs(sink));
  return summary;
}

Result<UnpackSummary> unpack_one_stream(const StreamInput& archive, io::Sink& sink,
                                        const FileSelection& files, const Progress& progress,
                                        const std::string& spool_folder) {
  BBZ_TRY(io::add_input(sink, archive.source));
  Rereadable again(sink, spool_folder);
  Single single(again.sink(), files);
  BBZ_ASSIGN(const UnpackSummary summary, write_stream(archive, single, files, progress));
  BBZ_TRY(archive.add_base_inputs(sink));
  return summary;
}

}  // namespace bbz::ops
