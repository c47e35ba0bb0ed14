#include "bbz/files/gguf/types.h"

#include <algorithm>
#include <vector>

namespace bbz::gguf {
namespace {

// Makes a field of bytes that no dtype describes.
BlockField packed(const char* name, std::uint64_t bytes) {
  return BlockField::of(name, BlockField::kNoDType, bytes);
}
BlockField half(const char* name) {
  return BlockField::of(name, DType::kF16, 1);
}

Type blocks(std::uint32_t number, const char* name, std::uint32_t values,
            std::vector<BlockField> fields) {
  return {number, DType::kBlock,
          std::make_shared<const BlockType>(BlockType{name, values, std::move(fields)})};
}

// The names of the fields are those of ggml-common.h of ggml.
std::vector<Type> all_types() {
  constexpr std::uint32_t kValues = 32;        // of the simple types
  constexpr std::uint32_t kSuperValues = 256;  // of those whose scales have scales
  const auto signed_bytes = [](const char* name, std::uint64_t count) {
    return BlockField::of(name, DType::kI8, count);
  };
  return {
      {0, DType::kF32, {}},
      {1, DType::kF16, {}},
      blocks(2, "Q4_0", kValues, {half("d"), packed("qs", 16)}),
      blocks(3, "Q4_1", kValues, {half("d"), half("m"), packed("qs", 16)}),
      blocks(6, "Q5_0", kValues, {half("d"), packed("qh", 4), packed("qs", 16)}),
      blocks(7, "Q5_1", kValues, {half("d"), half("m"), packed("qh", 4), packed("qs", 16)}),
      blocks(8, "Q8_0", kValues, {half("d"), signed_bytes("qs", 32)}),
      blocks(10, "Q2_K", kSuperValues,
             {packed("scales", 16), packed("qs", 64), half("d"), half("dmin")}),
      blocks(11, "Q3_K", kSuperValues,
             {packed("hmask", 32), packed("qs", 64), packed("scales", 12), half("d")}),
      blocks(12, "Q4_K", kSuperValues,
             {half("d"), half("dmin"), packed("scales", 12), packed("qs", 128)}),
      blocks(13, "Q5_K", kSuperValues,
             {half("d"), half("dmin"), packed("scales", 12), packed("qh", 32), packed("qs", 128)}),
      blocks(14, "Q6_K", kSuperValues,
             {packed("ql", 128), packed("qh", 64), signed_bytes("scales", 16), half("d")}),
      blocks(20, "IQ4_NL", kValues, {half("d"), packed("qs", 16)}),
      {24, DType::kI8, {}},
      {25, DType::kI16, {}},
      {26, DType::kI32, {}},
      {27, DType::kI64, {}},
      {28, DType::kF64, {}},
      {30, DType::kBF16, {}},
      blocks(39, "MXFP4", kValues, {BlockField::of("e", DType::kF8E8M0, 1), packed("qs", 16)}),
  };
}

}  // namespace

const Type* find_type(std::uint32_t number) {
  static const std::vector<Type> types = all_types();
  const auto found = std::ranges::find(types, number, &Type::number);
  return found == types.end() ? nullptr : &*found;
}

}  // namespace bbz::gguf
