#include "bbz/files/torch/internal/globals.h"

#include <algorithm>
#include <array>

namespace bbz::torch {
namespace {

using enum GlobalKind;

// Types that no DType expresses are read as what they consist of: complex128 as pairs of F64, and
// quantised types as their integers.
constexpr std::array kGlobals = {
    Global{"collections", "OrderedDict", kOrderedDict},
    Global{"__builtin__", "dict", kOrderedDict},
    Global{"__builtin__", "set", kItself},
    Global{"__builtin__", "frozenset", kItself},
    Global{"__builtin__", "list", kItself},
    Global{"__builtin__", "tuple", kItself},
    Global{"torch", "BoolStorage", kStorageType, DType::kBool},
    Global{"torch", "ByteStorage", kStorageType, DType::kU8},
    Global{"torch", "CharStorage", kStorageType, DType::kI8},
    Global{"torch", "ShortStorage", kStorageType, DType::kI16},
    Global{"torch", "IntStorage", kStorageType, DType::kI32},
    Global{"torch", "LongStorage", kStorageType, DType::kI64},
    Global{"torch", "HalfStorage", kStorageType, DType::kF16},
    Global{"torch", "BFloat16Storage", kStorageType, DType::kBF16},
    Global{"torch", "FloatStorage", kStorageType, DType::kF32},
    Global{"torch", "DoubleStorage", kStorageType, DType::kF64},
    Global{"torch", "ComplexFloatStorage", kStorageType, DType::kC64},
    Global{"torch", "ComplexDoubleStorage", kStorageType, DType::kF64, 2},
    Global{"torch", "QInt8Storage", kStorageType, DType::kI8},
    Global{"torch", "QUInt8Storage", kStorageType, DType::kU8},
    Global{"torch", "QInt32Storage", kStorageType, DType::kI32},
    Global{"torch", "QUInt4x2Storage", kStorageType, DType::kU8, 0},
    Global{"torch", "QUInt2x4Storage", kStorageType, DType::kU8, 0},
    Global{"torch", "UntypedStorage", kStorageType},
    Global{"torch.storage", "UntypedStorage", kStorageType},
    Global{"torch.storage", "_UntypedStorage", kStorageType},
    Global{"torch", "bool", kDType, DType::kBool},
    Global{"torch", "uint8", kDType, DType::kU8},
    Global{"torch", "int8", kDType, DType::kI8},
    Global{"torch", "uint16", kDType, DType::kU16},
    Global{"torch", "int16", kDType, DType::kI16},
    Global{"torch", "uint32", kDType, DType::kU32},
    Global{"torch", "int32", kDType, DType::kI32},
    Global{"torch", "uint64", kDType, DType::kU64},
    Global{"torch", "int64", kDType, DType::kI64},
    Global{"torch", "float16", kDType, DType::kF16},
    Global{"torch", "bfloat16", kDType, DType::kBF16},
    Global{"torch", "float32", kDType, DType::kF32},
    Global{"torch", "float64", kDType, DType::kF64},
    Global{"torch", "complex32", kDType, DType::kF16, 2},
    Global{"torch", "complex64", kDType, DType::kC64},
    Global{"torch", "complex128", kDType, DType::kF64, 2},
    Global{"torch", "float8_e4m3fn", kDType, DType::kF8E4M3},
    Global{"torch", "float8_e5m2", kDType, DType::kF8E5M2},
    Global{"torch", "float8_e4m3fnuz", kDType, DType::kF8E4M3Fnuz},
    Global{"torch", "float8_e5m2fnuz", kDType, DType::kF8E5M2Fnuz},
    Global{"torch", "float8_e8m0fnu", kDType, DType::kF8E8M0},
    Global{"torch", "float4_e2m1fn_x2", kDType, DType::kU8},
    Global{"torch", "bits8", kDType, DType::kU8},
    Global{"torch", "bits16", kDType, DType::kU16},
    Global{"torch", "qint8", kDType, DType::kI8},
    Global{"torch", "quint8", kDType, DType::kU8},
    Global{"torch", "qint32", kDType, DType::kI32},
    Global{"torch", "Size", kItself},
    Global{"torch", "Tensor", kTensorType},
    Global{"torch.nn.parameter", "Parameter", kTensorType},
    Global{"torch.autograd.variable", "Variable", kTensorType},
    Global{"torch._utils", "_rebuild_tensor", kRebuildTensor},
    Global{"torch._utils", "_rebuild_tensor_v2", kRebuildTensorV2},
    Global{"torch._utils", "_rebuild_tensor_v3", kRebuildTensorV3},
    Global{"torch._utils", "_rebuild_qtensor", kRebuildQuantized},
    Global{"torch._utils", "_rebuild_sparse_tensor", kRebuildSparse},
    Global{"torch._utils", "_rebuild_sparse_csr_tensor", kRebuildSparse},
    Global{"torch._utils", "_rebuild_parameter", kRebuildParameter},
    Global{"torch._utils", "_rebuild_parameter_with_state", kRebuildParameterWithState},
    Global{"torch._tensor", "_rebuild_from_type_v2", kRebuildFromType},
};

constexpr Global kUnknownGlobal{};

}  // namespace

const Global& find_global(std::string_view module, std::string_view name) {
  if (module == "builtins") module = "__builtin__";
  if (module == "torch.cuda") module = "torch";  // its storages
  const auto* const found = std::ranges::find_if(kGlobals, [&](const Global& global) {
    return global.name == name && global.module == module;
  });
  return found == kGlobals.end() ? kUnknownGlobal : *found;
}

const Global* storage_type_of(DType dtype) {
  const auto* const found = std::ranges::find_if(kGlobals, [&](const Global& global) {
    return global.kind == kStorageType && global.dtype == dtype && global.parts == 1;
  });
  return found == kGlobals.end() ? nullptr : &*found;
}

}  // namespace bbz::torch
