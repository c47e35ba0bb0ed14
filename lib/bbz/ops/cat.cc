#include "bbz/ops/cat.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/ops/internal/file_assembler.h"
#include "bbz/ops/internal/rereadable.h"

namespace bbz::ops {
namespace {

Error not_found(const std::string& name) {
  return make_error(Code::kNotFound, "no tensor or file is called {}", bbz::quoted(name));
}

// Writes the tensor or the file of a name to a sink.
class NameWriter final : public Visitor {
 public:
  NameWriter(const std::string& name, io::Sink& sink, const FileSelection& files)
      : name_(name), sink_(sink), files_(files) {}

  Status begin_file(const catalog::File& file) override {
    in_selected_ = files_.selects(file.path);
    ++file_;
    if (file.path == name_ && file.kind == catalog::FileKind::kRegular && !tensor_found_) {
      file_found_ = true;
      assembler_.emplace(sink_);
      begin_ = sink_.written();
    }
    return {};
  }

  Status begin_tensor(const catalog::Tensor& tensor) override {
    in_tensor_ = in_selected_ && !tensor.is_operand() && !file_found_ &&
                 tensor.meta.kind == catalog::TensorKind::kTensor && tensor.meta.name == name_;
    if (in_tensor_ && tensor_found_) return catalog::ambiguous_tensor(name_);
    tensor_found_ = tensor_found_ || in_tensor_;
    number_ = tensor.meta.number;
    if (in_tensor_) begin_ = sink_.written();
    return {};
  }

  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    if (assembler_) {
      const bool tile = !tensor.is_operand() && !tensor.meta.is_view();
      return tile ? assembler_->put(tensor, offset, bytes) : Status();
    }
    return in_tensor_ ? sink_.write(bytes) : Status();
  }

  // Reads bytes of the tensor or of the file again.
  Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                      MutableBytes bytes) override {
    if (!assembler_ && !in_tensor_) return false;
    const bool there = assembler_ ? tensor.meta.file == file_ : tensor.meta.number == number_;
    if (!there) return Visitor::recall(tensor, offset, bytes);
    BBZ_TRY(sink_.read(begin_ + (assembler_ ? tensor.meta.offset : 0) + offset, bytes));
    return true;
  }

  Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error& error) override {
    return assembler_ || in_tensor_ ? Status(error) : Status();
  }

  Status end_tensor(const catalog::Tensor&) override {
    in_tensor_ = false;
    return {};
  }

  Status end_file(const catalog::File& file) override {
    if (!assembler_) return {};
    BBZ_TRY(assembler_->end(file));
    assembler_.reset();
    return {};
  }

  bool found() const { return file_found_ || tensor_found_; }

 private:
  const std::string& name_;
  io::Sink& sink_;
  const FileSelection& files_;
  std::optional<FileAssembler> assembler_;
  std::uint64_t begin_ = 0;                // of the tensor or the file, in the sink
  std::uint32_t file_ = catalog::kNone;    // number of the current file; kNone before the first
  std::uint32_t number_ = catalog::kNone;  // of the current tensor
  bool in_selected_ = false;
  bool in_tensor_ = false;
  bool tensor_found_ = false;
  bool file_found_ = false;
};

}  // namespace

Status cat(const Reader& reader, const std::string& name, io::Sink& sink,
           const FileSelection& files) {
  BBZ_TRY(io::add_input(sink, reader.source()));
  const auto tensor = reader.find_tensor_in(
      name, [&](const catalog::File& file) { return files.selects(file.path); });
  if (tensor.ok()) {
    BBZ_TRY(reader.write_tensors({&*tensor, 1}, sink));
    return reader.add_base_inputs(sink);
  }
  if (tensor.code() != Code::kNotFound) return tensor.error();
  const catalog::File* const file = reader.catalog().find_file(name);
  if (file == nullptr || file->kind != catalog::FileKind::kRegular) return not_found(name);
  BBZ_TRY(catalog::check_file(*file));
  BBZ_TRY(reader.write_tensors(file->tensors, sink));
  return reader.add_base_inputs(sink);
}

Status cat_stream(const StreamInput& archive, const std::string& name, io::Sink& sink,
                  const FileSelection& files, const std::string& spool_folder) {
  BBZ_TRY(io::add_input(sink, archive.source));
  StreamOptions stream = archive.options();
  stream.wants = [&](const catalog::File& file, const catalog::Tensor& tensor) {
    const bool of_file = file.path == name && !tensor.meta.is_view();
    return of_file || (files.selects(file.path) && tensor.meta.name == name);
  };
  Rereadable again(sink, spool_folder);
  NameWriter writer(name, again.sink(), files);
  BBZ_TRY(read_stream(archive.source, stream, writer));
  if (!writer.found()) return not_found(name);
  return archive.add_base_inputs(sink);
}

}  // namespace bbz::ops
