// Files of before PyTorch 1.6: pickles of a number, a version, the system, the object and the keys
// of the storages, and then each storage: the number of its elements, and these.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/internal/forms.h"
#include "bbz/files/torch/internal/naming.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

constexpr std::int64_t kVersion = 1001;
constexpr std::uint64_t kSmallPickle = std::uint64_t{1} << 10;
constexpr std::uint64_t kLargePickle = std::uint64_t{1} << 16;
constexpr std::uint64_t kCountBytes = 8;  // before the elements of a storage

class LegacyReader {
 public:
  LegacyReader(io::Source& file, const Limits& limits)
      : file_(file), limits_(limits), end_(*file.size()) {}

  Result<StateDict> read() {
    BBZ_ASSIGN(const ReadPickle magic, next(kSmallPickle, "the number of the format"));
    BBZ_ASSIGN(const ReadPickle version, next(kSmallPickle, "the version"));
    if (version.value().kind != Kind::kInt || version.value().number != kVersion) {
      return make_error(Code::kUnsupported, "it is of another version than {}", kVersion);
    }
    BBZ_ASSIGN(const ReadPickle system, next(kSmallPickle, "the system"));
    BBZ_TRY(check_system(system));
    BBZ_ASSIGN(const ReadPickle object, next(kLargePickle, "the pickle"));
    BBZ_ASSIGN(const ReadPickle keys, next(kLargePickle, "the list of storages"));
    Limits left = limits_;
    UsedNames names;
    Naming naming(*object.machine, left, names);
    BBZ_TRY(naming.visit(object.root, ""));
    StateDict state;
    BBZ_TRY(locate(object, keys, state));
    state.tensors = naming.take();
    return state;
  }

 private:
  Result<ReadPickle> next(std::uint64_t guess, std::string name) {
    BBZ_ASSIGN(ReadPickle pickle,
               read_pickle(file_, position_, end_, guess, limits_, std::move(name)));
    position_ += pickle.machine->size();
    return pickle;
  }

  Status locate(const ReadPickle& object, const ReadPickle& keys, StateDict& state) {
    const std::vector<StorageMention>& mentions = object.machine->storages();
    std::unordered_map<std::string_view, std::size_t> places;
    for (const StorageMention& mention : mentions) {
      places.emplace(mention.key, state.storages.size());
      state.storages.push_back({std::string(mention.key), 0, 0, mention.dtype});
    }
    std::vector<bool> found(mentions.size());
    for (const ValueId id : keys.machine->contents(keys.value()).items) {
      const Value& value = keys.machine->value(id);
      const std::string key = key_text(value);
      const auto place = places.find(key);
      if (place == places.end() || found[place->second]) {
        return make_error(Code::kMalformed,
                          "the list of storages: {}, which the pickle does not mention, or twice",
                          quoted(key));
      }
      found[place->second] = true;
      const StorageMention& mention = mentions[place->second];
      Storage& storage = state.storages[place->second];
      BBZ_TRY(locate(mention, storage));
    }
    const auto missing = std::ranges::find(found, false);
    if (missing == found.end()) return {};
    return make_error(Code::kMalformed, "the list of storages lacks {}",
                      quoted(mentions[static_cast<std::size_t>(missing - found.begin())].key));
  }

  Status locate(const StorageMention& mention, Storage& storage) {
    if (!mention.size) {
      return make_error(Code::kUnsupported, "the storage {} has elements of an unknown size",
                        quoted(mention.key));
    }
    std::array<std::byte, kCountBytes> count{};
    if (end_ - position_ < kCountBytes || *mention.size > end_ - position_ - kCountBytes) {
      return make_error(Code::kTruncated, "the storage {} of {} bytes does not end before byte {}",
                        quoted(mention.key), *mention.size, end_);
    }
    BBZ_TRY(io::read_exactly(file_, position_, count));
    const auto elements = load_le<std::uint64_t>(count.data());
    if (elements != mention.elements) {
      return make_error(Code::kMalformed,
                        "offset {}: the storage {} has {} elements, expected {} by the pickle",
                        position_, quoted(mention.key), elements, mention.elements);
    }
    storage.offset = position_ + kCountBytes;
    storage.size = *mention.size;
    position_ = storage.offset + storage.size;
    return {};
  }

  io::Source& file_;
  const Limits& limits_;
  std::uint64_t end_;
  std::uint64_t position_ = 0;
};

}  // namespace

Result<ReadPickle> read_pickle(io::Source& file, std::uint64_t offset, std::uint64_t end,
                               std::uint64_t guess, const Limits& limits, std::string name) {
  while (true) {
    const std::uint64_t size = std::min({guess, end - offset, limits.pickle_bytes});
    ReadPickle pickle;
    pickle.bytes.resize(static_cast<std::size_t>(size));
    BBZ_TRY(io::read_exactly(file, offset, pickle.bytes));
    pickle.machine = std::make_unique<Unpickler>(limits);
    auto root = pickle.machine->run(pickle.bytes, name);
    if (root.ok()) {
      pickle.root = *root;
      return pickle;
    }
    if (root.code() != Code::kTruncated || size == end - offset) return root.error();
    if (size == limits.pickle_bytes) {
      return make_error(Code::kLimit, "{}: more than {} bytes", name, limits.pickle_bytes);
    }
    guess = size * 4;
  }
}

Status check_system(const ReadPickle& system) {
  const std::vector<ValueId>& pairs = system.machine->contents(system.value()).pairs;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    const Value& key = system.machine->value(pairs[i]);
    const Value& value = system.machine->value(pairs[i + 1]);
    if (key.kind != Kind::kString || key.text != "little_endian") continue;
    if (value.kind == Kind::kBool && value.number == 0) {
      return make_error(Code::kUnsupported, "its byte order is \"big\", expected \"little\"");
    }
  }
  return {};
}

std::string key_text(const Value& value) {
  if (value.kind == Kind::kInt) return std::to_string(value.number);
  return value.kind == Kind::kString ? std::string(value.text) : "?";
}

Result<StateDict> read_legacy_form(io::Source& file, const Limits& limits) {
  return LegacyReader(file, limits).read();
}

}  // namespace bbz::torch
