#include "bbz/base/dtype.h"

#include <algorithm>
#include <array>

namespace bbz {
namespace {

constexpr std::array<DTypeInfo, 22> kTable = {{
    {DType::kBool, "BOOL", 8, {}},
    {DType::kU8, "U8", 8, {}},
    {DType::kI8, "I8", 8, {}},
    {DType::kU16, "U16", 16, {}},
    {DType::kI16, "I16", 16, {}},
    {DType::kU32, "U32", 32, {}},
    {DType::kI32, "I32", 32, {}},
    {DType::kU64, "U64", 64, {}},
    {DType::kI64, "I64", 64, {}},
    {DType::kF16, "F16", 16, {1, 5, 10}},
    {DType::kBF16, "BF16", 16, {1, 8, 7}},
    {DType::kF32, "F32", 32, {1, 8, 23}},
    {DType::kF64, "F64", 64, {1, 11, 52}},
    {DType::kC64, "C64", 64, {}},
    {DType::kF8E4M3, "F8_E4M3", 8, {1, 4, 3}},
    {DType::kF8E5M2, "F8_E5M2", 8, {1, 5, 2}},
    {DType::kF8E8M0, "F8_E8M0", 8, {}},
    {DType::kF8E4M3Fnuz, "F8_E4M3FNUZ", 8, {1, 4, 3}},
    {DType::kF8E5M2Fnuz, "F8_E5M2FNUZ", 8, {1, 5, 2}},
    {DType::kF6E2M3, "F6_E2M3", 6, {}},
    {DType::kF6E3M2, "F6_E3M2", 6, {}},
    {DType::kF4, "F4", 4, {}},
}};

}  // namespace

std::span<const DTypeInfo> dtype_table() {
  return kTable;
}

const DTypeInfo* find_dtype(DType dtype) {
  const auto* row = std::ranges::find(kTable, dtype, &DTypeInfo::dtype);
  return row == kTable.end() ? nullptr : row;
}

const DTypeInfo* find_dtype(std::string_view name) {
  const auto* row = std::ranges::find(kTable, name, &DTypeInfo::name);
  return row == kTable.end() ? nullptr : row;
}

const DTypeInfo& dtype_info(DType dtype) {
  return *find_dtype(dtype);
}

}  // namespace bbz
