// Persistent ids, which stand for storages, and in the oldest format for tensors.
#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/internal/unpickler.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

}  // namespace

// Resolves an id. torch.save writes ("storage", ...), and before PyTorch 1.6 ("module", class,
// source file, source) for a class. The oldest format has numbers, which were given values before,
// and (class, source file, source). What else there is, is an object.
Status Unpickler::persistent_id(ValueId id) {
  const Value value = values_[id];
  if (value.kind == Kind::kTuple) {
    const std::vector<ValueId>& items = contents(value).items;
    if (!items.empty()) {
      const Value& first = values_[items[0]];
      if (first.kind == Kind::kString && first.text == "storage") {
        BBZ_ASSIGN(const ValueId storage, storage_id(items));
        return push(storage);
      }
      if (first.kind == Kind::kString && first.text == "module" && items.size() > 1) {
        return push(items[1]);
      }
      if (first.kind == Kind::kGlobal) return push(items[0]);
    }
  }
  std::string number;
  std::string_view key = value.text;
  if (value.kind == Kind::kInt) {
    number = std::to_string(value.number);
    key = number;
  }
  // Those that were given values are not longer.
  const bool plain = value.kind == Kind::kInt || value.kind == Kind::kString;
  if (plain && key.size() <= limits_.name_bytes) {
    if (const auto found = known_.find(key); found != known_.end()) return push(found->second);
  }
  Value object = plain_value(Kind::kObject);
  BBZ_ASSIGN(const ValueId made, make(object));
  BBZ_TRY(attach(made, id));
  return push(made);
}

// Makes a storage from ("storage", type, key, location, number of elements). In the format of
// before PyTorch 1.6, (key, offset, number of elements) may follow, if the value is a part of it.
Result<ValueId> Unpickler::storage_id(const std::vector<ValueId>& items) {
  if (items.size() < 5) return malformed("a storage needs a type, a key and a number of elements");
  const Value type = values_[items[1]];
  const Value key = values_[items[2]];
  if (type.kind != Kind::kGlobal || (type.global->kind != GlobalKind::kStorageType &&
                                     type.global->kind != GlobalKind::kUnknown)) {
    return malformed("a storage needs a storage type and a key");
  }
  std::string_view text = key.text;
  if (key.kind == Kind::kInt) {
    text = keep(std::to_string(key.number));
  } else if (key.kind != Kind::kString) {
    return malformed("a storage needs a storage type and a key");
  }
  BBZ_ASSIGN(const std::uint64_t elements, count(items[4], "number of elements"));
  std::optional<ValueId> part;
  if (items.size() > 5 && values_[items[5]].kind == Kind::kTuple) part = items[5];
  BBZ_ASSIGN(const ValueId whole, mention(text, *type.global, elements));
  if (!part) return whole;
  const std::vector<ValueId>& of_part = contents(values_[*part]).items;
  if (of_part.size() != 3)
    return malformed("a part of a storage needs a key, an offset and a size");
  BBZ_ASSIGN(const std::uint64_t offset, count(of_part[1], "offset of a part"));
  BBZ_ASSIGN(const std::uint64_t size, count(of_part[2], "size of a part"));
  return part_of(storage(values_[whole]), offset, size);
}

Result<ValueId> Unpickler::mention(std::string_view key, const Global& type,
                                   std::uint64_t elements) {
  const bool known = type.kind == GlobalKind::kStorageType;
  if (key.size() > limits_.name_bytes) {  // a look at it takes time at each mention
    return error(Code::kLimit, fmt::format("a storage whose key has {} bytes; the limit is {}",
                                           key.size(), limits_.name_bytes));
  }
  StorageMention mention;
  mention.key = key;
  mention.dtype = type.dtype;
  mention.elements = elements;
  if (known) {
    const std::uint64_t width = type.dtype ? element_bytes(*type.dtype) : 1;
    mention.size = checked_mul(elements, width * std::max(type.parts, 1u));
    if (!mention.size) return malformed("the size of a storage overflows");
  }
  BBZ_TRY(spend(1));
  const auto [place, added] = storage_places_.try_emplace(key, storages_.size());
  if (added) {
    storages_.push_back(mention);
  } else {
    StorageMention& other = storages_[place->second];
    if (other.size != mention.size) {
      return malformed(fmt::format("the storage {} has two sizes", quoted(key)));
    }
    if (other.dtype != mention.dtype) other.dtype = std::nullopt;
  }
  references_.push_back({place->second, known ? &type : nullptr, 0, elements});
  Value value = plain_value(Kind::kStorage);
  value.number = static_cast<std::int64_t>(references_.size() - 1);
  return make(value);
}

Result<ValueId> Unpickler::part_of(const StorageRef& whole, std::uint64_t offset,
                                   std::uint64_t elements) {
  if (offset > whole.elements || elements > whole.elements - offset) {
    return malformed(
        fmt::format("a part ends after its storage {}", quoted(storages_[whole.storage].key)));
  }
  StorageRef part = whole;
  part.offset += offset;
  part.elements = elements;
  references_.push_back(part);
  Value value = plain_value(Kind::kStorage);
  value.number = static_cast<std::int64_t>(references_.size() - 1);
  return make(value);
}

Result<ValueId> Unpickler::known_storage(std::string_view key) const {
  const auto found = known_.find(key);
  if (found == known_.end() || values_[found->second].kind != Kind::kStorage) {
    return malformed(fmt::format("no storage {}", quoted(key)));
  }
  return found->second;
}

Status Unpickler::add_storage(std::string_view key, const Global& type, std::uint64_t elements) {
  const std::string_view kept = keep(std::string(key));
  BBZ_ASSIGN(const ValueId id, mention(kept, type, elements));
  if (known_.emplace(kept, id).second) return {};
  return malformed(fmt::format("the storage {} occurs twice", quoted(key)));
}

Status Unpickler::add_part(std::string_view key, std::string_view whole, std::uint64_t offset,
                           std::uint64_t elements) {
  BBZ_ASSIGN(const ValueId id, known_storage(whole));
  BBZ_ASSIGN(const ValueId part, part_of(storage(values_[id]), offset, elements));
  if (key.size() <= limits_.name_bytes) known_.emplace(keep(std::string(key)), part);
  return {};
}

Status Unpickler::add_tensor(std::string_view key, std::string_view whole, Tensor view) {
  BBZ_ASSIGN(const ValueId id, known_storage(whole));
  const StorageRef from = storage(values_[id]);
  if (from.type == nullptr || !from.type->dtype || from.type->parts == 0) {
    return malformed(
        fmt::format("a tensor of the storage {}, whose type is unknown", quoted(whole)));
  }
  BBZ_ASSIGN(const ValueId tensor, make_tensor(from, *from.type, std::move(view)));
  if (key.size() <= limits_.name_bytes) known_.emplace(keep(std::string(key)), tensor);
  return {};
}

}  // namespace bbz::torch
