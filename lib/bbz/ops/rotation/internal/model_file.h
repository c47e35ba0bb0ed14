// ModelFile: the safetensors file that a rotated model unpacks to, written into an archive tensor
// by tensor. Internal to the room.
#pragma once

#include "bbz/archive/writer.h"
#include "bbz/ops/rotation/pack.h"

namespace bbz::rotation {

// The metadata key under which the unpacked file says that it was rotated, and how.
inline constexpr std::string_view kRecordKey = "bbz.symmetry";

// Tensors come in whatever order the method needs; their places in the file follow from the model
// alone, so that they are the same when what was unpacked is packed again. The header, which says
// what was done, comes last.
class ModelFile {
 public:
  // Begins the file. `longest` is a record at least as long as the one that finish() will be given.
  static Result<ModelFile> begin(const Model& model, const Record& longest, Writer& writer,
                                 const PackOptions& options);

  Writer& writer() { return *writer_; }
  DigestKind digest() const { return options_->digest; }
  const PackOptions& options() const { return *options_; }
  // The spec of a dense tensor of the model at its place.
  TensorSpec spec(std::size_t tensor) const;

  Status add_dense(std::size_t tensor, Bytes bytes);
  // Returns how many bytes the payloads of a dense tensor will take, or a number of at least
  // `enough` once it is known that they take as many: no more is coded than tells.
  Result<std::uint64_t> coded_bytes(const TensorSpec& spec, Bytes plain,
                                    std::uint64_t enough) const;
  Status add(const TensorSpec& spec, Bytes stored);
  // Says that so many bytes more of the file are written.
  void count(std::uint64_t bytes);
  // Loads and writes, as they are, all tensors that were not written yet.
  Status add_the_rest();
  void mark(std::size_t tensor) { written_[tensor] = true; }

  // Writes header and metadata and ends the file. Where nothing was rotated and the source's header
  // already carries a record, both are kept as they are.
  Status finish(const Record& record);

 private:
  ModelFile(const Model& model, Writer& writer, const PackOptions& options)
      : model_(&model), writer_(&writer), options_(&options), written_(model.tensors.size()) {}
  Result<std::vector<std::byte>> make_header(std::string_view record_json);

  const Model* model_;
  Writer* writer_;
  const PackOptions* options_;
  std::vector<bool> written_;
  std::vector<std::uint64_t> offsets_;  // of each tensor's data in the file
  std::uint64_t header_size_ = 0;
  std::uint64_t done_ = 0;  // bytes of the file that have been written
};

}  // namespace bbz::rotation
