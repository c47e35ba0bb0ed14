// BINPERSID and REDUCE: they make storages, and tensors from them by the functions of torch._utils.
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/elements.h"
#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {

using Kind = Value::Kind;

namespace {

constexpr std::size_t kMostArguments = 8;  // of any known function

}  // namespace

// Makes a storage from ("storage", type, key, location, number of elements), the only persistent id
// that torch.save writes.
Status Unpickler::persistent_id() {
  BBZ_ASSIGN(const ValueId id, pop());
  const std::vector<ValueId>& items = values_[id].items;
  if (values_[id].kind != Kind::kTuple || items.size() != 5 ||
      values_[items[0]].kind != Kind::kString || values_[items[0]].text != "storage") {
    return unsupported("a persistent id that is not of a storage");
  }
  const Value& type = values_[items[1]];
  const Value& key = values_[items[2]];
  if (type.kind != Kind::kGlobal || type.global->kind != GlobalKind::kStorageType ||
      key.kind != Kind::kString) {
    return malformed("a storage needs a storage type and a key");
  }
  BBZ_ASSIGN(const std::uint64_t elements, count(items[4], "number of elements"));
  StorageMention mention;
  mention.key = key.text;
  mention.dtype = type.global->dtype;
  const auto size = bbz::byte_size(mention.dtype.value_or(DType::kU8), elements);
  if (!size.ok()) return malformed(size.error().message);
  mention.size = *size;

  const auto [place, added] = storage_places_.try_emplace(mention.key, storages_.size());
  if (added) {
    BBZ_TRY(spend(1));
    storages_.push_back(mention);
  } else if (storages_[place->second] != mention) {
    return malformed(fmt::format("the storage {} has two types or sizes", quoted(mention.key)));
  }
  Value value;
  value.kind = Kind::kStorage;
  value.number = static_cast<std::int64_t>(place->second);
  return push_new(std::move(value));
}

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
  if (value.items.size() > limits_.rank) {
    return error(Code::kLimit, fmt::format("a tensor of {} axes; the limit is {}",
                                           value.items.size(), limits_.rank));
  }
  BBZ_TRY(spend(value.items.size()));
  std::vector<std::uint64_t> list;
  list.reserve(value.items.size());
  for (const ValueId item : value.items) {
    BBZ_ASSIGN(const std::uint64_t extent, count(item, what));
    list.push_back(extent);
  }
  return list;
}

// Checks that the view lies within its storage, and that its size is within the limit.
Status Unpickler::check_bounds(const Tensor& view) const {
  const auto size = byte_size(view);
  if (!size.ok()) return malformed(size.error().message);
  if (*size > limits_.tensor_bytes) {
    return error(Code::kLimit,
                 fmt::format("a tensor of {} bytes; the limit is {}", *size, limits_.tensor_bytes));
  }
  if (*size == 0) return {};
  std::optional<std::uint64_t> last = view.storage_offset;
  for (std::size_t i = 0; i < view.shape.size() && last; ++i) {
    const auto reach = checked_mul(view.shape[i] - 1, view.strides[i]);
    last = reach ? checked_add(*last, *reach) : std::nullopt;
  }
  const StorageMention& storage = storages_[view.storage];
  const auto bits = static_cast<std::uint64_t>(dtype_info(view.dtype).bits);
  if (!last || *last >= storage.size / (bits / 8)) {
    return malformed(fmt::format("a tensor ends after its storage {}", quoted(storage.key)));
  }
  return {};
}

// Checks that a tensor's metadata sets no bit: the bits mean that its elements are those of the
// storage conjugated or negated.
Status Unpickler::check_metadata(const Global& function, const Value& metadata) {
  if (metadata.kind == Kind::kOther) return {};  // None
  if (metadata.kind != Kind::kDict) {
    return malformed(fmt::format("{}: the metadata is not a dict", function.name));
  }
  BBZ_TRY(spend(metadata.items.size()));
  for (std::size_t i = 0; i + 1 < metadata.items.size(); i += 2) {
    const Value& key = values_[metadata.items[i]];
    const Value& value = values_[metadata.items[i + 1]];
    if (value.kind == Kind::kBool && value.number == 0) continue;
    return unsupported(fmt::format("{}: a tensor with the bit {}", function.name,
                                   quoted(key.kind == Kind::kString ? key.text : "?")));
  }
  return {};
}

// Makes a tensor. Arguments: v1 (storage, offset, size, stride), v2 (..., requires_grad,
// hooks[, metadata]), v3 (..., requires_grad, hooks, dtype[, metadata]), whose storage is of bytes.
Result<ValueId> Unpickler::rebuild_tensor(const Global& function,
                                          const std::vector<ValueId>& arguments) {
  const bool v1 = function.kind == GlobalKind::kRebuildTensor;
  const bool v3 = function.kind == GlobalKind::kRebuildTensorV3;
  const std::size_t fewest = v1 ? 4 : v3 ? 7 : 6;
  const std::size_t most = v1 ? 4 : fewest + 1;
  if (arguments.size() < fewest || arguments.size() > most) {
    return malformed(fmt::format("{} with {} arguments", function.name, arguments.size()));
  }
  const Value& storage = values_[arguments[0]];
  if (storage.kind != Kind::kStorage) {
    return malformed(fmt::format("{} without a storage", function.name));
  }
  BBZ_TRY(spend(1));
  Tensor view;
  view.storage = static_cast<std::size_t>(storage.number);
  view.dtype = storages_[view.storage].dtype.value_or(DType::kU8);
  BBZ_ASSIGN(view.storage_offset, count(arguments[1], "storage offset"));
  BBZ_ASSIGN(view.shape, extents(arguments[2], "shape"));
  BBZ_ASSIGN(view.strides, extents(arguments[3], "strides"));
  if (view.shape.size() != view.strides.size()) {
    return malformed(
        fmt::format("{} extents with {} strides", view.shape.size(), view.strides.size()));
  }
  if (v3) {
    const Value& dtype = values_[arguments[6]];
    if (dtype.kind != Kind::kGlobal || dtype.global->kind != GlobalKind::kDType) {
      return malformed(fmt::format("{} without a dtype", function.name));
    }
    view.dtype = *dtype.global->dtype;
  }
  if (arguments.size() > fewest) BBZ_TRY(check_metadata(function, values_[arguments[fewest]]));
  BBZ_TRY(check_bounds(view));
  views_.push_back(std::move(view));
  Value value;
  value.kind = Kind::kTensor;
  value.number = static_cast<std::int64_t>(views_.size() - 1);
  return make(std::move(value));
}

Result<ValueId> Unpickler::tensor_argument(const Global& function, ValueId id) const {
  if (values_[id].kind == Kind::kTensor) return id;
  return malformed(fmt::format("{} without a tensor", function.name));
}

Result<ValueId> Unpickler::call(const Global& function, const std::vector<ValueId>& arguments) {
  const auto expect = [&](std::size_t expected) -> Status {
    if (arguments.size() == expected) return {};
    return malformed(fmt::format("{}.{} with {} arguments, expected {}", function.module,
                                 function.name, arguments.size(), expected));
  };
  switch (function.kind) {
    case GlobalKind::kOrderedDict: {
      BBZ_TRY(expect(0));
      Value dict;
      dict.kind = Kind::kDict;
      return make(std::move(dict));
    }
    case GlobalKind::kSize: {
      BBZ_TRY(expect(1));
      if (values_[arguments[0]].kind != Kind::kTuple)
        return malformed("Size of a value that is not a tuple");
      return arguments[0];
    }
    case GlobalKind::kRebuildTensor:
    case GlobalKind::kRebuildTensorV2:
    case GlobalKind::kRebuildTensorV3:
      return rebuild_tensor(function, arguments);
    case GlobalKind::kRebuildParameter:  // (tensor, requires_grad, hooks)
      BBZ_TRY(expect(3));
      return tensor_argument(function, arguments[0]);
    case GlobalKind::kRebuildParameterWithState:  // (tensor, requires_grad, hooks, state)
      BBZ_TRY(expect(4));
      return tensor_argument(function, arguments[0]);
    case GlobalKind::kRebuildFromType: {  // (function, type, arguments, state)
      BBZ_TRY(expect(4));
      const Value& inner = values_[arguments[0]];
      const Value& type = values_[arguments[1]];
      const Value& tuple = values_[arguments[2]];
      // None of these calls another, so that the recursion ends here.
      const bool plain =
          inner.kind == Kind::kGlobal && (inner.global->kind == GlobalKind::kRebuildTensor ||
                                          inner.global->kind == GlobalKind::kRebuildTensorV2 ||
                                          inner.global->kind == GlobalKind::kRebuildTensorV3 ||
                                          inner.global->kind == GlobalKind::kRebuildParameter);
      if (!plain || type.kind != Kind::kGlobal || type.global->kind != GlobalKind::kTensorType ||
          tuple.kind != Kind::kTuple) {
        return malformed(fmt::format("{} of a value that is not a tensor", function.name));
      }
      if (tuple.items.size() > kMostArguments) return malformed("too many arguments");
      const std::vector<ValueId> inner_arguments = tuple.items;
      return call(*inner.global, inner_arguments);
    }
    case GlobalKind::kOther:
      return make({});
    case GlobalKind::kStorageType:
    case GlobalKind::kDType:
    case GlobalKind::kTensorType:
      break;
  }
  return unsupported(fmt::format("a call of {}.{}", function.module, function.name));
}

Status Unpickler::reduce() {
  BBZ_ASSIGN(const auto pair, pop_many(2));
  const Value& function = values_[pair[0]];
  const Value& arguments = values_[pair[1]];
  if (function.kind != Kind::kGlobal || arguments.kind != Kind::kTuple) {
    return malformed("it needs a name and a tuple of arguments");
  }
  if (arguments.items.size() > kMostArguments) return malformed("too many arguments");
  const std::vector<ValueId> items = arguments.items;  // a copy: call() may reallocate values_
  BBZ_ASSIGN(const ValueId id, call(*function.global, items));
  return push(id);
}

}  // namespace bbz::torch
