#include "bbz/base/block_type.h"

#include <algorithm>
#include <span>

#include "bbz/base/checked.h"
#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz {
namespace {

constexpr std::size_t kMostFields = 64;
constexpr std::size_t kMostName = 255;
constexpr std::uint64_t kMostCount = BlockType::kMostBytes * 8;

Status check_block_name(std::string_view what, std::string_view name) {
  if (!name.empty() && name.size() <= kMostName && is_utf8(name)) return {};
  return make_error(Code::kMalformed, "the name {} of {} is not UTF-8 of 1 to {} bytes",
                    quoted(name), what, kMostName);
}

// Checks a field in the order of the format's text. `before` are those before it.
Status check_field(const BlockField& field, std::span<const BlockField> before) {
  BBZ_TRY(check_block_name("a field", field.name));
  if (std::ranges::find(before, field.name, &BlockField::name) != before.end()) {
    return make_error(Code::kMalformed, "two fields are called {}", quoted(field.name));
  }
  const DTypeInfo* const dtype = find_dtype(field.dtype);
  const int bits = dtype != nullptr ? dtype->bits : field.dtype == BlockField::kNoDType ? 8 : 0;
  if (field.dtype == DType::kBlock || field.element_bits == 0 ||
      (bits != 0 && bits != field.element_bits)) {
    return make_error(Code::kMalformed, "field {}: elements of {} bits of dtype {}",
                      quoted(field.name), field.element_bits, static_cast<int>(field.dtype));
  }
  if (field.count == 0) {
    return make_error(Code::kMalformed, "field {}: it has no elements", quoted(field.name));
  }
  if (field.count <= kMostCount) return {};
  return make_error(Code::kLimit, "field {}: {} elements, the limit is {}", quoted(field.name),
                    field.count, kMostCount);
}

}  // namespace

BlockField BlockField::of(std::string name, DType dtype, std::uint64_t count) {
  BlockField field;
  field.name = std::move(name);
  field.dtype = dtype;
  field.count = count;
  if (const DTypeInfo* info = find_dtype(dtype)) {
    field.element_bits = static_cast<std::uint8_t>(info->bits);
  }
  return field;
}

std::uint64_t BlockType::bits() const {
  std::uint64_t sum = 0;
  for (const BlockField& field : fields) sum += field.count * field.element_bits;
  return sum;
}

bool same_blocks(const SharedBlockType& a, const SharedBlockType& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

Status check_block_type(const BlockType& type) {
  BBZ_TRY(check_block_name("a block type", type.name));
  if (type.values == 0 || type.fields.empty()) {
    return make_error(Code::kMalformed, "block type {}: {} values in {} fields", quoted(type.name),
                      type.values, type.fields.size());
  }
  if (type.fields.size() > kMostFields) {
    return make_error(Code::kLimit, "block type {}: {} fields, the limit is {}", quoted(type.name),
                      type.fields.size(), kMostFields);
  }
  for (std::size_t i = 0; i < type.fields.size(); ++i) {
    const Status valid = check_field(type.fields[i], std::span(type.fields).first(i));
    if (!valid.ok()) {
      return make_error(valid.code(), "block type {}: {}", quoted(type.name),
                        valid.error().message);
    }
  }
  if (type.bits() % 8 != 0) {
    return make_error(Code::kMalformed, "block type {}: {} bits are no whole bytes",
                      quoted(type.name), type.bits());
  }
  if (type.bytes() <= BlockType::kMostBytes) return {};
  return make_error(Code::kLimit, "block type {}: {} bytes, the limit is {}", quoted(type.name),
                    type.bytes(), BlockType::kMostBytes);
}

Result<Shape> shape_in_values(const Shape& blocks, std::uint32_t values) {
  if (blocks.empty()) {
    return error_with_message(Code::kMalformed, "a tensor of blocks without an axis");
  }
  const auto innermost = checked_mul(blocks.back(), std::uint64_t{values});
  if (!innermost) {
    return make_error(Code::kMalformed,
                      "{} blocks of {} values: the number of values exceeds 64 bits", blocks.back(),
                      values);
  }
  Shape shape = blocks;
  shape.back() = *innermost;
  const auto count = element_count(shape);
  return count.ok() ? Result<Shape>(std::move(shape)) : count.error();
}

}  // namespace bbz
