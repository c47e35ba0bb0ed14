// BlockType: what the elements of a tensor of blocks are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bbz/base/dtype.h"
#include "bbz/base/error.h"
#include "bbz/base/shape.h"

namespace bbz {

// A part of a block: packed elements of one dtype.
struct BlockField {
  // Means, in `dtype`, bytes that no dtype describes.
  static constexpr DType kNoDType{};

  std::string name;               // UTF-8 of 1 to 255 bytes
  DType dtype = kNoDType;         // of its elements; may be unknown, but is not kBlock
  std::uint64_t count = 1;        // number of elements, 1 to 524,288
  std::uint8_t element_bits = 8;  // of one element: those of the dtype, if it is known

  // Returns a field of a known dtype, or of bytes.
  static BlockField of(std::string name, DType dtype, std::uint64_t count);
  // Returns whether all members are equal.
  friend bool operator==(const BlockField&, const BlockField&) = default;
};

// A type of block: so many values in so many bytes (format-spec/records.md#block-type-type-11). Its
// name says how the values follow from the fields.
struct BlockType {
  // The most bytes that a block has.
  static constexpr std::uint64_t kMostBytes = 65536;
  // The most block types that an archive has.
  static constexpr std::uint64_t kMostTypes = 1024;

  std::string name;                // UTF-8 of 1 to 255 bytes, such as "Q4_0"
  std::uint32_t values = 1;        // that a block holds, at least 1
  std::vector<BlockField> fields;  // 1 to 64, one after the other without gaps

  // Returns the bits of all fields. Precondition: their counts are at most 524,288.
  std::uint64_t bits() const;
  // Returns the bytes of a block. Precondition: check_block_type() accepts it.
  std::uint64_t bytes() const { return bits() / 8; }
  // Returns whether all members are equal.
  friend bool operator==(const BlockType&, const BlockType&) = default;
};

// A block type that several tensors have. Null for a tensor whose elements are no blocks.
using SharedBlockType = std::shared_ptr<const BlockType>;
// Returns whether both are null, or their block types are equal.
bool same_blocks(const SharedBlockType& a, const SharedBlockType& b);

// Checks that the format can hold a block type. Errors, which do not name it: kMalformed; kLimit if
// it has too many fields, a field has too many elements, or a block too many bytes.
Status check_block_type(const BlockType& type);

// Returns a shape of blocks as a shape of values: its innermost extent times `values`. Errors:
// kMalformed if there is no axis, or if the number of values exceeds 64 bits.
Result<Shape> shape_in_values(const Shape& blocks, std::uint32_t values);

}  // namespace bbz
