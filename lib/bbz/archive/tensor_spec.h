// TensorSpec: describes a tensor to a Writer.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "bbz/archive/base.h"
#include "bbz/format/catalog/metas.h"

namespace bbz {

// The form in which the symmetry coder stores a tensor (format-spec/records.md#forms).
struct StoredForm {
  catalog::Form form = catalog::Form::kDense;       // any number of the format
  std::optional<std::uint32_t> group{};             // number of the group that it needs, if any
  std::optional<std::uint64_t> elements{};          // elements in its chunks; by default all
  std::shared_ptr<const catalog::Pivots> pivots{};  // of form pivot, which needs them
};

// A tensor of a base on which a new tensor leans. It has the dtype and the shape of that one.
struct LeansOn {
  std::uint32_t base = 0;  // what Writer::add_base() returned
  std::string name;        // of the tensor in the base
  // Its bytes. A Writer that measures needs none, and then the digest in it is not used.
  std::shared_ptr<const SupportBytes> bytes;
};

// Describes a tensor, or bytes of a file that are not a tensor.
struct TensorSpec {
  // Places a tensor in the open file, after the tensor before it.
  struct Next {};
  // Places a tensor in the open file, at an offset.
  struct At {
    std::uint64_t offset = 0;  // of its first byte in the file
  };
  // Places a tensor in no file. The symmetry coder stores such tensors for others.
  struct Operand {};
  // Places a tensor in the bytes of a dense one before it in the open file. Nothing is written of it but its record.
  using ViewOf = catalog::View;

  catalog::TensorKind kind = catalog::TensorKind::kTensor;  // a tensor, or other bytes of a file
  std::string name;                                         // UTF-8; empty for bytes
  DType dtype = DType::kU8;                                 // type of its elements
  Shape shape;                                              // extents in elements
  std::optional<std::uint32_t> layer;             // of a model, if its name does not tell it
  std::variant<Next, At, Operand, ViewOf> place;  // where its bytes belong
  std::optional<StoredForm> stored;               // how it is stored, if not dense
  SharedBlockType block;                          // what an element is, if dtype is kBlock
  // Whether it is memory that others are views of, and no tensor of the model.
  bool storage = false;
  // The tensor of a base on which it leans, if any. Its chunks are stored relative to that where this
  // makes them smaller.
  std::optional<LeansOn> leans{};

  // Returns the spec of `size` bytes of a file that are not a tensor.
  static TensorSpec bytes(std::uint64_t size);
  // Returns whether the tensor belongs to no file.
  bool is_operand() const { return std::holds_alternative<Operand>(place); }
  // Returns whether the tensor is a view of another.
  bool is_view() const { return std::holds_alternative<ViewOf>(place); }
};

// Returns the meta that a Writer with this size of chunks writes for a tensor, without its numbers
// and its offset. Errors: kInvalidArgument if the dtype is unknown, or is kBlock and `block` null, or
// the other way round, or the form is pivot and `pivots` null, or the other way round; those of check_block_type(); kMalformed if the number of elements exceeds 64
// bits.
Result<catalog::TensorMeta> tensor_meta(const TensorSpec& spec, std::uint64_t chunk_bytes);

}  // namespace bbz
