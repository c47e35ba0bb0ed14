// Calls: they make tensors by the functions of torch._utils, and else objects.
#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/elements.h"
#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {

namespace {

using Kind = Value::Kind;

constexpr std::size_t kMostArguments = 16;  // of any known function
constexpr std::size_t kLongestBit = 32;     // the name of a bit of a tensor

}  // namespace

Result<std::uint64_t> Unpickler::count(ValueId id, std::string_view what) const {
  const Value& value = values_[id];
  if (value.kind != Kind::kInt || value.number < 0) {
    return malformed(fmt::format("expected a non-negative whole number as {}", what));
  }
  return static_cast<std::uint64_t>(value.number);
}

Result<std::vector<std::uint64_t>> Unpickler::extents(ValueId id, std::string_view what) {
  const Value& value = values_[id];
  if (value.kind != Kind::kTuple) return malformed(fmt::format("expected a tuple as {}", what));
  const std::vector<ValueId>& items = contents(value).items;
  if (items.size() > limits_.rank) {
    return error(Code::kLimit,
                 fmt::format("a tensor of {} axes; the limit is {}", items.size(), limits_.rank));
  }
  BBZ_TRY(spend(items.size()));
  std::vector<std::uint64_t> list;
  list.reserve(items.size() + 1);
  for (const ValueId item : items) {
    BBZ_ASSIGN(const std::uint64_t extent, count(item, what));
    list.push_back(extent);
  }
  return list;
}

// Moves a view, of elements of `width` bytes, from the beginning of a reference to that of its
// storage, whose elements may have another width. Checks that it lies within both.
Status Unpickler::place(Tensor& view, const StorageRef& from, std::uint64_t width) const {
  if (std::ranges::find(view.shape, 0u) != view.shape.end()) {
    view.storage_offset = 0;  // it has no place, and torch checks none
    return {};
  }
  std::optional<std::uint64_t> last = view.storage_offset;
  for (std::size_t i = 0; i < view.shape.size() && last; ++i) {
    const auto reach = checked_mul(view.shape[i] - 1, view.strides[i]);
    last = reach ? checked_add(*last, *reach) : std::nullopt;
  }
  // The size of the storage does not overflow, and the reference is within it.
  const Global& type = *from.type;
  const std::uint64_t own_width =
      (type.dtype ? element_bytes(*type.dtype) : 1) * std::max(type.parts, 1u);
  const StorageMention& storage = storages_[from.storage];
  if (!last || *last >= from.elements * own_width / width) {
    return malformed(fmt::format("a tensor ends after its storage {}", quoted(storage.key)));
  }
  const std::uint64_t begin = from.offset * own_width;
  if (begin % width != 0) {
    return malformed(fmt::format(
        "a tensor begins in the storage {} at byte {}, which is no multiple of its {} bytes",
        quoted(storage.key), begin, width));
  }
  view.storage_offset += begin / width;
  if (!storage.size || *last + begin / width >= *storage.size / width) {
    return malformed(fmt::format("a tensor ends after its storage {}", quoted(storage.key)));
  }
  return {};
}

// Returns the bits that a tensor's metadata set, each after a colon. They mean that its elements are
// those of the storage conjugated or negated.
std::string Unpickler::bits_of(ValueId metadata) {
  std::string bits;
  const std::vector<ValueId>& pairs = contents(values_[metadata]).pairs;
  for (std::size_t i = 0; i + 1 < pairs.size() && i < kMostArguments; i += 2) {
    const Value& key = values_[pairs[i]];
    const Value& value = values_[pairs[i + 1]];
    if (key.kind != Kind::kString || value.kind != Kind::kBool || value.number == 0) continue;
    if (key.text.size() <= kLongestBit && is_utf8(key.text)) bits += fmt::format(":{}", key.text);
  }
  return bits;
}

// Makes a tensor of a type, which has a dtype and parts. `view` counts elements of the type, from
// the beginning of the reference.
Result<ValueId> Unpickler::make_tensor(const StorageRef& from, const Global& type, Tensor view) {
  if (view.shape.size() != view.strides.size()) {
    return malformed(
        fmt::format("{} extents with {} strides", view.shape.size(), view.strides.size()));
  }
  view.storage = from.storage;
  view.dtype = *type.dtype;
  const std::uint64_t parts = type.parts;
  const std::uint64_t width = element_bytes(view.dtype) * parts;
  BBZ_TRY(place(view, from, width));
  const bool empty = std::ranges::find(view.shape, 0u) != view.shape.end();
  view.storage_offset *= parts;
  if (parts != 1) {
    // A stride that an extent of 1 never takes may be as large as it likes.
    for (std::size_t i = 0; i < view.shape.size(); ++i) {
      view.strides[i] = view.shape[i] > 1 && !empty ? view.strides[i] * parts : 0;
    }
    view.shape.push_back(parts);
    view.strides.push_back(1);
  }
  const auto size = byte_size(view);
  if (!size.ok()) return malformed(size.error().message);
  if (*size > limits_.tensor_bytes) {
    return error(Code::kLimit,
                 fmt::format("a tensor of {} bytes; the limit is {}", *size, limits_.tensor_bytes));
  }
  BBZ_TRY(spend(1));
  views_.push_back(std::move(view));
  Value value = plain_value(Kind::kTensor);
  value.number = static_cast<std::int64_t>(views_.size() - 1);
  return make(value);
}

// Makes a tensor. Arguments: v1 (storage, offset, size, stride), v2 (..., requires_grad,
// hooks[, metadata]), v3 (..., requires_grad, hooks, dtype[, metadata]), whose storage is of bytes,
// quantised (..., quantizer, requires_grad, hooks). If the type is not known, the storage itself
// stands for the tensor.
Result<std::optional<ValueId>> Unpickler::rebuild_tensor(const Global& function,
                                                         const std::vector<ValueId>& arguments) {
  const bool v2 = function.kind == GlobalKind::kRebuildTensorV2;
  const bool v3 = function.kind == GlobalKind::kRebuildTensorV3;
  const bool quantized = function.kind == GlobalKind::kRebuildQuantized;
  if (arguments.size() < (v3 ? 7u : quantized ? 5u : 4u)) {
    return malformed(fmt::format("{} with {} arguments", function.name, arguments.size()));
  }
  const Value first = values_[arguments[0]];
  if (first.kind != Kind::kStorage) return std::optional<ValueId>();
  const StorageRef from = storage(first);
  const Global* type = from.type;
  if (v3) {
    const Value& dtype = values_[arguments[6]];
    const bool known = dtype.kind == Kind::kGlobal && dtype.global->kind == GlobalKind::kDType;
    if (type != nullptr) type = known ? dtype.global : nullptr;
  }
  if (type == nullptr || type->parts == 0) {
    simplify("a tensor of an unknown type");
    return std::optional(arguments[0]);
  }
  constexpr Global kBytes{"torch", "uint8", GlobalKind::kDType, DType::kU8};
  if (!type->dtype) type = &kBytes;
  Tensor view;
  BBZ_ASSIGN(view.storage_offset, count(arguments[1], "storage offset"));
  BBZ_ASSIGN(view.shape, extents(arguments[2], "shape"));
  BBZ_ASSIGN(view.strides, extents(arguments[3], "strides"));
  const std::size_t metadata = v2 ? 6 : 7;
  if ((v2 || v3) && arguments.size() > metadata) view.name = bits_of(arguments[metadata]);
  // Beyond the usual are a gradient, which is True, hooks, and bits.
  const bool usual =
      v2 && type == from.type && type->parts == 1 && arguments.size() > 5 &&
      arguments[4] == kFalseValue && values_[arguments[5]].contents == Value::kEmpty &&
      (arguments.size() == metadata || values_[arguments[metadata]].contents == Value::kEmpty);
  if (!usual) simplify("a tensor that is no usual one");
  BBZ_ASSIGN(const ValueId tensor, make_tensor(from, *type, std::move(view)));
  if (quantized) {
    // (scheme, scales, zero points, axis), of which those of one scale are plain numbers.
    const std::vector<ValueId>& all = contents(values_[arguments[4]]).items;
    if (all.size() == 4) {
      const std::vector<ValueId> items = all;  // a copy, because values are made
      Value dict;
      dict.kind = Kind::kDict;
      BBZ_ASSIGN(const ValueId quantizer, make(dict));
      std::vector<ValueId> pairs;
      BBZ_TRY(add_named(pairs, "scales", items[1]));
      BBZ_TRY(add_named(pairs, "zero_points", items[2]));
      hold(quantizer).pairs = std::move(pairs);
      BBZ_TRY(attach(tensor, quantizer));
    }
  }
  return std::optional(tensor);
}

Status Unpickler::add_named(std::vector<ValueId>& pairs, std::string_view name, ValueId value) {
  Value key = plain_value(Kind::kString);
  key.text = name;
  BBZ_ASSIGN(const ValueId id, make(key));
  pairs.push_back(id);
  pairs.push_back(value);
  return {};
}

// Makes the parts of a sparse tensor, by their names. Arguments: layout, and (indices, values,
// size[, coalesced]) or (compressed indices, plain indices, values, size).
Result<std::optional<ValueId>> Unpickler::make_sparse(const std::vector<ValueId>& arguments) {
  if (arguments.size() < 2) return std::optional<ValueId>();
  const std::vector<ValueId>& all = contents(values_[arguments[1]]).items;
  if (all.size() < 2 || all.size() > kMostArguments) return std::optional<ValueId>();
  const std::vector<ValueId> parts = all;  // a copy, because values are made
  const bool compressed = parts.size() > 2 && values_[parts[2]].kind == Kind::kTensor;
  Value dict = plain_value(Kind::kDict);
  BBZ_ASSIGN(const ValueId id, make(dict));
  std::vector<ValueId> pairs;
  BBZ_TRY(add_named(pairs, compressed ? "compressed_indices" : "indices", parts[0]));
  BBZ_TRY(add_named(pairs, compressed ? "plain_indices" : "values", parts[1]));
  if (compressed) BBZ_TRY(add_named(pairs, "values", parts[2]));
  hold(id).pairs = std::move(pairs);
  return std::optional(id);
}

// Makes a dict, or an OrderedDict if `ordered`: of nothing, or of a list of pairs, which Python 2 writes.
Result<std::optional<ValueId>> Unpickler::make_dict(const std::vector<ValueId>& arguments,
                                                    bool ordered) {
  std::vector<ValueId> pairs;
  if (arguments.size() > 1) return std::optional<ValueId>();
  if (arguments.size() == 1) {
    const Value& list = values_[arguments[0]];
    if (list.kind != Kind::kList && list.kind != Kind::kTuple) return std::optional<ValueId>();
    const std::vector<ValueId>& items = contents(list).items;
    BBZ_TRY(spend(items.size()));
    for (const ValueId item : items) {
      const std::vector<ValueId>& pair = contents(values_[item]).items;
      if (pair.size() != 2) return std::optional<ValueId>();
      pairs.insert(pairs.end(), pair.begin(), pair.end());
    }
  }
  BBZ_ASSIGN(const ValueId id, make(plain_value(Kind::kDict, ordered ? 1 : 0)));
  if (!pairs.empty()) hold(id).pairs = std::move(pairs);
  return std::optional(id);
}

// Makes an object that holds its arguments. `number` says whether its class is one of tensors.
Result<ValueId> Unpickler::make_object(ValueId function, ValueId arguments) {
  const Value type = values_[function];
  Value object = plain_value(Kind::kObject);
  object.number = type.kind == Kind::kGlobal && type.global->kind == GlobalKind::kTensorType;
  BBZ_ASSIGN(const ValueId id, make(object));
  if (type.kind == Kind::kObject) BBZ_TRY(attach(id, function));
  if (values_[arguments].contents != Value::kEmpty) BBZ_TRY(attach(id, arguments));
  return id;
}

Result<std::optional<ValueId>> Unpickler::call_known(const Global& function,
                                                     const std::vector<ValueId>& arguments) {
  const auto nothing = [] { return std::optional<ValueId>(); };
  switch (function.kind) {
    case GlobalKind::kOrderedDict:
      return make_dict(arguments, function.module == "collections");
    case GlobalKind::kItself: {
      if (arguments.size() != 1) return nothing();
      simplify("a set, a Size, or a list or tuple made of another");
      const Kind kind = values_[arguments[0]].kind;
      const bool list = kind == Kind::kTuple || kind == Kind::kList;
      return list ? std::optional(arguments[0]) : nothing();
    }
    case GlobalKind::kRebuildTensor:
    case GlobalKind::kRebuildTensorV2:
    case GlobalKind::kRebuildTensorV3:
    case GlobalKind::kRebuildQuantized:
      return rebuild_tensor(function, arguments);
    case GlobalKind::kRebuildSparse:
      simplify("a sparse tensor");
      return make_sparse(arguments);
    case GlobalKind::kRebuildParameter:  // (tensor, requires_grad, hooks)
      simplify("a parameter");
      return arguments.empty() ? nothing() : std::optional(arguments[0]);
    case GlobalKind::kRebuildParameterWithState:  // (tensor, requires_grad, hooks, state)
      simplify("a parameter");
      if (arguments.size() < 4) return nothing();
      BBZ_TRY(attach(arguments[0], arguments[3]));
      return std::optional(arguments[0]);
    case GlobalKind::kRebuildFromType:  // call() does it
    case GlobalKind::kUnknown:
    case GlobalKind::kStorageType:
    case GlobalKind::kDType:
    case GlobalKind::kTensorType:
      break;
  }
  return nothing();
}

Result<ValueId> Unpickler::call(ValueId function, ValueId arguments) {
  const Value type = values_[function];
  if (type.kind != Kind::kGlobal) return make_object(function, arguments);
  const Global& known = *type.global;
  const std::vector<ValueId>& all = contents(values_[arguments]).items;
  if (known.kind == GlobalKind::kUnknown || all.size() > kMostArguments) {
    return make_object(function, arguments);
  }
  const std::vector<ValueId> items = all;  // a copy, because a call makes values
  if (known.kind == GlobalKind::kRebuildFromType && items.size() == 4) {
    // (function, type, arguments, state), and never itself as the function.
    const Value inner = values_[items[0]];
    const bool itself = inner.kind == Kind::kGlobal && inner.global->kind == known.kind;
    if (!itself && values_[items[2]].kind == Kind::kTuple) {
      simplify("a tensor of another class");
      BBZ_ASSIGN(const ValueId made, call(items[0], items[2]));
      BBZ_TRY(attach(made, items[3]));
      return made;
    }
  }
  BBZ_ASSIGN(const std::optional<ValueId> made, call_known(known, items));
  return made ? Result<ValueId>(*made) : make_object(function, arguments);
}

}  // namespace bbz::torch
