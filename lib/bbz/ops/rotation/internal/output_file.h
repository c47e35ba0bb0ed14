// OutputFile: lays out a file that a rotated model, or a part of it, becomes.
#pragma once

#include <memory>

#include "bbz/ops/rotation/pack.h"

namespace bbz::rotation {

// The key of the record in a safetensors file.
inline constexpr std::string_view kRecordKey = "bbz.symmetry";

// The places of tensors in a file, and what lies between them. The places follow from the model and the
// length of the longest record, so that they are known before anything is rotated, and are the same when
// the unpacked model is packed again. What lies between tensors comes last.
class OutputFile {
 public:
  // A range of the file that is no tensor.
  struct Piece {
    std::uint64_t offset = 0;      // in the file
    std::vector<std::byte> bytes;  // never empty
  };

  virtual ~OutputFile() = default;

  // Returns the format of the file, as files::Layout calls it.
  virtual std::string_view format() const = 0;
  // Returns the offset of a tensor in the file. `place` is its index in Output::tensors.
  virtual std::uint64_t offset(std::size_t place) const = 0;
  // Takes the bytes of a tensor, all of them as unpacking gives them; does not keep them.
  virtual void note_bytes(std::size_t place, Bytes bytes) = 0;
  // Returns the record that the file had if it can be kept, because the file would have the same size
  // with it. Otherwise returns nullptr. It belongs to this object.
  virtual const std::string* old_record() const = 0;
  // Returns all ranges that are no tensors. The record is not longer than the longest one, or is
  // old_record(). Precondition: note_bytes() was called for every tensor. Errors: kInternal.
  virtual Result<std::vector<Piece>> pieces(const std::string& record) = 0;
};

// Lays out a file. `longest` is the longest record, and `output` and `model` must outlive the file. Errors:
// those of safetensors::build and of torch::StateWriter.
Result<std::unique_ptr<OutputFile>> lay_out(const Model& model, const Output& output,
                                            const std::string& longest);

}  // namespace bbz::rotation
