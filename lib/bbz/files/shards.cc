#include "bbz/files/shards.h"

#include <nlohmann/json.hpp>
#include <set>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::files {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostIndex = std::uint64_t{16} << 20;
constexpr int kMostDepth = 16;
// The number of names that are kept, which is more than any model has: an index may be hostile.
constexpr std::size_t kMostShards = 100'000;

// Collects the strings of the object "weight_map" in the outermost object, without building a tree.
class ShardNames final : public nlohmann::json_sax<Json> {
 public:
  std::set<std::string> names;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool string(string_t& text) override {
    if (depth_ == 2 && inside_ && names.size() < kMostShards) names.insert(text);
    return true;
  }
  bool key(string_t& text) override {
    if (depth_ == 1) inside_ = text == "weight_map";
    return true;
  }
  bool start_object(std::size_t) override { return ++depth_ > 0; }
  bool end_object() override { return depth_-- > 0; }
  bool start_array(std::size_t) override {
    if (depth_ == 1) inside_ = false;
    return ++depth_ > 0;
  }
  bool end_array() override { return depth_-- > 0; }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
    return false;
  }

 private:
  std::size_t depth_ = 0;
  bool inside_ = false;
};

}  // namespace

bool is_shard_index(std::string_view path) {
  return path.ends_with(".index.json");
}

std::string missing_shards(io::Source& index,
                           const std::function<bool(const std::string&)>& there) {
  const std::uint64_t size = index.size().value_or(0);
  if (size == 0 || size > kMostIndex) return {};
  std::vector<std::byte> text(size);
  if (!io::read_exactly(index, 0, text).ok()) return {};  // packing it will report the error
  ShardNames found;
  const auto* const begin = reinterpret_cast<const char*>(text.data());
  if (!Json::sax_parse(begin, begin + size, &found)) return {};
  std::string first;
  std::size_t count = 0;
  for (const std::string& name : found.names) {
    if (there(name)) continue;
    if (count++ == 0) first = bbz::quoted(name);
  }
  if (count == 0) return {};
  return count == 1 ? fmt::format("names a missing file: {}", first)
                    : fmt::format("names {} missing files, the first of them {}", count, first);
}

Result<std::optional<std::string>> rename_shards(io::Source& index, const RenameShard& renamed) {
  const std::uint64_t size = index.size().value_or(0);
  if (size == 0 || size > kMostIndex) return std::optional<std::string>();
  std::vector<std::byte> text(size);
  BBZ_TRY(io::read_exactly(index, 0, text));
  const auto* const begin = reinterpret_cast<const char*>(text.data());
  bool deep = false;
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    deep = deep || depth > kMostDepth;
    return depth <= kMostDepth;
  };
  Json json = Json::parse(begin, begin + size, shallow, false);
  if (deep || !json.is_object()) return std::optional<std::string>();
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object()) return std::optional<std::string>();
  bool changed = false;
  for (Json& file : *map) {
    if (!file.is_string()) continue;
    if (const auto path = renamed(file.get_ref<const std::string&>())) {
      file = *path;
      changed = true;
    }
  }
  if (!changed) return std::optional<std::string>();
  return std::optional(json.dump(2) + "\n");
}

}  // namespace bbz::files
