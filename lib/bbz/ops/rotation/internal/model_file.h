// ModelFile: writes the safetensors file of a rotated model into an archive, tensor by tensor.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::rotation {

// The metadata key of the record in the unpacked file.
inline constexpr std::string_view kRecordKey = "bbz.symmetry";

// Tensors may come in any order. Their places in the file follow from the model alone, so that they
// are the same when the unpacked model is packed again. The header, which holds the record, comes
// last.
class ModelFile {
 public:
  // Begins the file. `longest` is a record whose JSON is at least as long as that of finish(). The
  // other arguments must outlive the file. Errors: those of safetensors::build and of the writer.
  static Result<ModelFile> begin(const Model& model, const Record& longest, Writer& writer,
                                 const PackOptions& options);

  // Returns the writer that begin() was given.
  Writer& writer() { return *writer_; }
  // Returns the spec of a dense tensor of the model at its place in the file.
  TensorSpec spec(std::size_t tensor) const;

  // Writes a tensor of the model as dense and marks it. Errors: those of the writer.
  Status add_dense(std::size_t tensor, Bytes bytes);
  // Returns the number of bytes that the payloads of a dense tensor will take, or a number of at
  // least `enough` as soon as they are known to take that many: then no more chunks are encoded.
  Result<std::uint64_t> coded_bytes(const TensorSpec& spec, Bytes plain,
                                    std::uint64_t enough) const;
  // Writes a tensor with its stored elements, and counts its bytes unless it is an operand. Errors:
  // those of the writer.
  Status add(const TensorSpec& spec, Bytes stored);
  // Reports as progress that `bytes` more bytes of the file are written.
  void count(std::uint64_t bytes);
  // Loads all tensors that are not marked, and writes them unchanged. Errors: those of model.load
  // and of the writer.
  Status add_the_rest();
  // Marks a tensor as written.
  void mark(std::size_t tensor) { written_[tensor] = true; }

  // Writes header and metadata, and ends the file. If nothing was rotated and the header of the
  // source has a record and the right size, header and record are kept. Errors: those of the
  // writer.
  Status finish(const Record& record);

 private:
  ModelFile(const Model& model, Writer& writer, const Progress& progress)
      : model_(&model), writer_(&writer), progress_(&progress), written_(model.tensors.size()) {}
  Result<std::vector<std::byte>> make_header(std::string_view record_json);

  const Model* model_;
  Writer* writer_;
  const Progress* progress_;
  std::vector<bool> written_;
  std::vector<std::uint64_t> offsets_;  // of each tensor's data in the file
  std::uint64_t header_size_ = 0;
  std::uint64_t done_ = 0;  // bytes of the file that have been written
};

}  // namespace bbz::rotation
