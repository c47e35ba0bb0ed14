#include "bbz/files/torch/state_dict.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/files/torch/internal/unpickler.h"
#include "bbz/files/torch/internal/zip.h"

namespace bbz::torch {
namespace {

using Kind = Value::Kind;

constexpr std::string_view kPickleName = "/data.pkl";
constexpr std::string_view kLoneTensor = "tensor";

// The bytes 2 to 13 of a file of PyTorch before 1.6, which begins with a pickle of the number
// 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyStart = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

// The versions of the file format, "<prefix>/version", that PyTorch reads.
constexpr int kOldestVersion = 1;
constexpr int kNewestVersion = 10;

// The entries of the archive by name, relative to the directory that torch.save puts them in.
class Entries {
 public:
  static Result<Entries> open(io::Source& file, const Limits& limits) {
    Entries entries;
    BBZ_ASSIGN(entries.list_, read_zip(file, limits));
    for (const ZipEntry& entry : entries.list_) {
      if (!entries.by_name_.emplace(entry.name, &entry).second) {
        return make_error(Code::kMalformed, "zip archive: the entry {} occurs twice",
                          quoted(entry.name));
      }
      const std::string_view name = entry.name;
      if (name.ends_with(kPickleName) && name.find('/') == name.size() - kPickleName.size()) {
        if (!entries.prefix_.empty()) {
          return make_error(Code::kMalformed, "zip archive: data.pkl is in two directories");
        }
        entries.prefix_ = name.substr(0, name.find('/') + 1);
      }
    }
    if (entries.prefix_.empty()) {
      return make_error(Code::kMalformed, "zip archive: no entry \"<name>/data.pkl\"");
    }
    return entries;
  }

  const ZipEntry* find(std::string_view name) const {
    const auto found = by_name_.find(prefix_ + std::string(name));
    return found == by_name_.end() ? nullptr : found->second;
  }

  // Returns at most 64 bytes of an entry's text without the newline, or nothing if there is none.
  Result<std::string> text(io::Source& file, std::string_view name) const {
    constexpr std::uint64_t kMost = 64;
    const ZipEntry* const entry = find(name);
    if (entry == nullptr) return std::string();
    std::string text(static_cast<std::size_t>(std::min(entry->size, kMost)), '\0');
    BBZ_TRY(io::read_exactly(file, entry->offset, std::as_writable_bytes(std::span(text))));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }

 private:
  std::vector<ZipEntry> list_;
  std::unordered_map<std::string_view, const ZipEntry*> by_name_;
  std::string prefix_;
};

Status check_form(io::Source& file, const Entries& entries) {
  if (entries.find("constants.pkl") != nullptr) {
    return make_error(Code::kUnsupported,
                      "it is a TorchScript archive (it has constants.pkl), not a state dict");
  }
  BBZ_ASSIGN(const std::string order, entries.text(file, "byteorder"));
  if (!order.empty() && order != "little") {
    return make_error(Code::kUnsupported, "its byte order is {}, expected \"little\"",
                      quoted(order));
  }
  BBZ_ASSIGN(const std::string version, entries.text(file, "version"));
  int number = kOldestVersion;
  const char* const end = version.data() + version.size();
  const auto parsed = std::from_chars(version.data(), end, number);
  const bool whole = version.empty() || (parsed.ec == std::errc{} && parsed.ptr == end);
  if (!whole || number < kOldestVersion || number > kNewestVersion) {
    return make_error(Code::kUnsupported, "its version is {}, expected {} to {}", quoted(version),
                      kOldestVersion, kNewestVersion);
  }
  return {};
}

// The cost of naming a tensor, in values of the limit: a pickle may give one tensor any number of
// names, and each is kept.
constexpr std::uint64_t kTensorCost = 8;

// Finds the tensors below a value and names them.
class Naming {
 public:
  Naming(Unpickler& pickle, const Limits& limits)
      : pickle_(pickle), limits_(limits), name_bytes_left_(limits.all_name_bytes) {}

  Status visit(ValueId id, const std::string& path, std::uint64_t depth) {
    const Value& value = pickle_.value(id);
    if (value.kind == Kind::kTensor) return add(value, depth == 0 ? kLoneTensor : path);
    if (depth >= limits_.depth) {
      return make_error(Code::kLimit, "data.pkl: {}: dicts are nested deeper than {}", quoted(path),
                        limits_.depth);
    }
    BBZ_TRY(pickle_.spend(value.items.size()));
    if (value.kind == Kind::kDict) return visit_dict(value, path, depth);
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (!may_hold_tensors(value.items[i])) continue;
      BBZ_TRY(visit(value.items[i], join(path, std::to_string(i), depth), depth + 1));
    }
    return {};
  }

  std::vector<Tensor> take() { return std::move(tensors_); }

 private:
  bool may_hold_tensors(ValueId id) const {
    const Value& value = pickle_.value(id);
    return value.kind == Kind::kTensor || !value.items.empty();
  }

  static std::string join(const std::string& path, const std::string& key, std::uint64_t depth) {
    return depth == 0 ? key : path + "." + key;
  }

  Status visit_dict(const Value& dict, const std::string& path, std::uint64_t depth) {
    // As in Python, a key that is set again keeps its place and takes the last value.
    std::vector<std::pair<std::string, ValueId>> entries;
    std::unordered_map<std::string, std::size_t> places;
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const Value& key = pickle_.value(dict.items[i]);
      const ValueId item = dict.items[i + 1];
      const bool named = key.kind == Kind::kString || key.kind == Kind::kInt;
      if (!named) {
        if (!may_hold_tensors(item)) continue;
        return make_error(Code::kUnsupported,
                          "data.pkl: {}: a key that is neither a string nor a whole number",
                          quoted(path));
      }
      if (key.text.size() > limits_.name_bytes) return name_too_long(path, key.text.size());
      const bool text = key.kind == Kind::kString;
      std::string name = text ? std::string(key.text) : std::to_string(key.number);
      const auto [place, added] = places.try_emplace((text ? "s" : "i") + name, entries.size());
      if (added) {
        entries.emplace_back(std::move(name), item);
      } else {
        entries[place->second].second = item;
      }
    }
    for (const auto& [name, item] : entries) {
      if (may_hold_tensors(item)) BBZ_TRY(visit(item, join(path, name, depth), depth + 1));
    }
    return {};
  }

  Status add(const Value& value, std::string_view name) {
    if (name.size() > limits_.name_bytes) return name_too_long(name, name.size());
    if (name.size() > name_bytes_left_) {
      return make_error(Code::kLimit,
                        "data.pkl: the names of tensors have more than {} bytes in all",
                        limits_.all_name_bytes);
    }
    name_bytes_left_ -= name.size();
    if (!is_utf8(name)) {
      return make_error(Code::kMalformed, "data.pkl: the name {} is not UTF-8", quoted(name));
    }
    const Tensor& view = pickle_.views()[static_cast<std::size_t>(value.number)];
    BBZ_TRY(pickle_.spend(kTensorCost + 2 * view.shape.size()));
    tensors_.push_back(view);
    tensors_.back().name = name;
    return {};
  }

  Error name_too_long(std::string_view name, std::size_t size) const {
    return make_error(Code::kLimit, "data.pkl: {}: a name of {} bytes; the limit is {}",
                      quoted(name), size, limits_.name_bytes);
  }

  Unpickler& pickle_;
  const Limits& limits_;
  std::uint64_t name_bytes_left_;
  std::vector<Tensor> tensors_;
};

Status check_unique(const std::vector<Tensor>& tensors) {
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const Tensor& tensor : tensors) names.push_back(tensor.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice == names.end()) return {};
  return make_error(Code::kMalformed, "data.pkl: two tensors have the name {}", quoted(*twice));
}

Result<Storage> locate(const StorageMention& mention, const Entries& entries) {
  const ZipEntry* const entry = entries.find("data/" + std::string(mention.key));
  if (entry == nullptr) {
    return make_error(Code::kMalformed, "zip archive: no entry for the storage {}",
                      quoted(mention.key));
  }
  if (entry->size != mention.size) {
    return make_error(Code::kMalformed,
                      "zip archive: the storage {} has {} bytes, expected {} by data.pkl",
                      quoted(mention.key), entry->size, mention.size);
  }
  return Storage{std::string(mention.key), entry->offset, entry->size};
}

Status check_start(io::Source& file) {
  std::array<std::byte, 2 + kLegacyStart.size()> start{};
  BBZ_ASSIGN(const std::size_t size, io::read_up_to(file, 0, start));
  const Bytes found = Bytes(start).first(size);
  if (looks_like_zip(found)) return {};
  if (looks_like_legacy(found)) {
    return make_error(Code::kUnsupported,
                      "it has the format of PyTorch before 1.6, which is not a zip archive");
  }
  return make_error(Code::kMalformed, "it does not begin like a zip archive");
}

Result<StateDict> read_unnamed(io::Source& file, const Limits& limits) {
  BBZ_TRY(check_start(file));
  BBZ_ASSIGN(const Entries entries, Entries::open(file, limits));
  BBZ_TRY(check_form(file, entries));
  const ZipEntry& entry = *entries.find(kPickleName.substr(1));
  if (entry.size > limits.pickle_bytes) {
    return make_error(Code::kLimit, "data.pkl: {} bytes; the limit is {}", entry.size,
                      limits.pickle_bytes);
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(entry.size));
  BBZ_TRY(io::read_exactly(file, entry.offset, bytes));

  Unpickler pickle(bytes, limits);
  BBZ_ASSIGN(const ValueId root, pickle.run());
  Naming naming(pickle, limits);
  BBZ_TRY(naming.visit(root, "", 0));
  StateDict result;
  result.tensors = naming.take();
  BBZ_TRY(check_unique(result.tensors));
  for (const StorageMention& mention : pickle.storages()) {
    BBZ_ASSIGN(Storage storage, locate(mention, entries));
    result.storages.push_back(std::move(storage));
  }
  return result;
}

}  // namespace

bool has_usual_suffix(std::string_view name) {
  constexpr std::string_view kSuffixes[] = {".pt", ".pth", ".bin", ".ckpt"};
  return std::ranges::any_of(kSuffixes, [&](auto suffix) { return name.ends_with(suffix); });
}

bool looks_like_legacy(Bytes start) {
  return start.size() > 2 && as_text(start.subspan(2)).starts_with(kLegacyStart);
}

Result<StateDict> read_state_dict(io::Source& file, const Limits& limits) {
  if (!file.seekable() || !file.size()) {
    return make_error(Code::kInvalidArgument,
                      "{}: a state dict is read from its end, and this input cannot seek",
                      file.name());
  }
  auto result = read_unnamed(file, limits);
  if (result.ok() || result.code() == Code::kIo) return result;
  return make_error(result.code(), "{}: {}", file.name(), result.error().message);
}

}  // namespace bbz::torch
