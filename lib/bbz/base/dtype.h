// The element types of tensors: those of safetensors, and blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bbz {

// The element type of a tensor. The format stores these numbers, so a number is never reused.
enum class DType : std::uint8_t {
  kBool = 1,
  kU8 = 2,
  kI8 = 3,
  kU16 = 4,
  kI16 = 5,
  kU32 = 6,
  kI32 = 7,
  kU64 = 8,
  kI64 = 9,
  kF16 = 16,
  kBF16 = 17,
  kF32 = 18,
  kF64 = 19,
  kC64 = 20,         // complex of two F32
  kF8E4M3 = 32,      // written F8_E4M3
  kF8E5M2 = 33,      // written F8_E5M2
  kF8E8M0 = 34,      // written F8_E8M0: a scale, exponent only
  kF8E4M3Fnuz = 35,  // written F8_E4M3FNUZ
  kF8E5M2Fnuz = 36,  // written F8_E5M2FNUZ
  kF6E2M3 = 40,      // 6 bits an element, packed
  kF6E3M2 = 41,      // 6 bits an element, packed
  kF4 = 48,          // 4 bits an element, packed
  // Blocks, of the size that a BlockType says. It is not in the table of types, so it is not found
  // where a type of numbers is needed.
  kBlock = 64,
};

// The number of bits of each field of a floating-point element. From the top bit down, the fields
// are sign, exponent and mantissa.
struct FloatLayout {
  int sign_bits = 0;      // 1 for every type with a layout
  int exponent_bits = 0;  // stored with a bias
  int mantissa_bits = 0;  // without the implicit leading bit
};

// Describes one DType.
struct DTypeInfo {
  DType dtype{};          // the described type
  std::string_view name;  // name in safetensors, such as "BF16"
  int bits = 0;           // size of one element
  // All zero for booleans and integers, and also for C64, F8_E8M0, F6_* and F4.
  FloatLayout layout;
};

// Returns the table of all known types but kBlock, with one row for each.
std::span<const DTypeInfo> dtype_table();

// Returns the row of a type, or nullptr if the table does not have its number, as for kBlock.
const DTypeInfo* find_dtype(DType dtype);
// Returns the row of the type that safetensors calls `name`, or nullptr if there is none. The case
// of letters counts.
const DTypeInfo* find_dtype(std::string_view name);

// Returns the row of a valid type. Precondition: find_dtype(dtype) != nullptr.
const DTypeInfo& dtype_info(DType dtype);

// Returns the size of one element in bytes. Preconditions: find_dtype(dtype) != nullptr, and the
// size in bits is a multiple of 8.
inline std::size_t element_bytes(DType dtype) {
  return static_cast<std::size_t>(dtype_info(dtype).bits) / 8;
}

}  // namespace bbz
