#include "report/symmetry_groups.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "report/sums.h"

namespace bbz::tools {
namespace {

constexpr std::uint64_t kMostRecord = std::uint64_t{1} << 20;
constexpr std::uint64_t kMostRecords = std::uint64_t{16} << 20;
// A group takes 1.8 KB of memory, but can be two bytes of a record.
constexpr std::size_t kMostGroups = 10'000;

Json number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? *found : Json();
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Returns the elements of a list; none if it is missing.
const Json& list_in(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kNone;
}

// Takes a figure of a group into the largest one of all.
void include(const Json& number, Figure& largest) {
  if (number.is_null()) {
    largest.why = "the record of a group does not have it";
    return;
  }
  largest.value = std::max(largest.value.value_or(0), number.get<double>());
}

// The groups that a report lists, and what the others come to.
struct Listed {
  Json groups = Json::array();
  Json rest = Json::object();  // empty if there are no others
};

// Adds a group to those that are not listed.
void leave_out(const Json& group, Json& rest) {
  rest["count"] = rest.value("count", std::uint64_t{0}) + 1;
  add_number(rest, "saved_bytes", group["saved_bytes"]);
  keep_largest(rest, "error", group["error"]);
}

// Adds the groups of a list of the record. `error` is the field that has their measured error.
void add_groups(const Json& record, const char* list, const char* kind, const char* error,
                Listed& listed, SymmetryGroups& found) {
  for (const Json& one : list_in(record, list)) {
    if (!one.is_object()) continue;
    const Json bits = number_in(one, "bits_saved");
    Json group = {
        {"name", text_in(one, "name")},
        {"kind", kind},
        {"method", text_in(one, "method")},
        {"tensors", list_in(one, "members").size()},
        {"width", number_in(one, std::string_view(list) == "pairs" ? "rank" : "width")},
        {"saved_bytes", bits.is_number_integer() ? Json(bits.get<std::int64_t>() / 8) : Json()},
        {"error", number_in(one, error)},
        {"largest_difference", number_in(one, "largest_difference")},
        {"growth", one.contains("growth") ? number_in(one, "growth") : Json(1)},
        {"note", text_in(one, "note")}};
    if (group["method"] != "exact") {
      include(group["error"], found.error);
      include(group["growth"], found.growth);
    }
    if (listed.groups.size() < kMostGroups) {
      listed.groups.push_back(std::move(group));
    } else {
      leave_out(group, listed.rest);
    }
  }
}

}  // namespace

Result<SymmetryGroups> symmetry_groups(const Reader& reader) {
  SymmetryGroups found;
  Listed listed;
  std::string family;
  bool any = false;
  std::uint64_t left = kMostRecords;
  const auto unread = [&](const char* why) { found.error.why = found.growth.why = why; };
  for (const catalog::Metadata& metadata : reader.catalog().metadata) {
    if (metadata.meta.key != "symmetry" || metadata.meta.file == catalog::kNone) continue;
    any = true;
    const std::uint64_t bytes = metadata.payload.length;
    if (metadata.meta.extensions.unknown || bytes > kMostRecord || bytes > left) {
      unread("a record of symmetry is too large, or needs a later version");
      continue;
    }
    left -= bytes;
    BBZ_ASSIGN(const std::string text, reader.read_metadata(metadata));
    const Json record = Json::parse(text, nullptr, false);
    if (!record.is_object()) {
      unread("a record of symmetry is not a JSON object");
      continue;
    }
    if (family.empty()) family = text_in(record, "family");
    add_groups(record, "junctions", "junction", "rms_difference", listed, found);
    add_groups(record, "pairs", "pair", "product_difference", listed, found);
  }
  // What could not be read may be larger than what could.
  if (!found.error.why.empty()) found.error.value.reset();
  if (!found.growth.why.empty()) found.growth.value.reset();
  if (found.error.why.empty() && !found.error.value) found.error.value = 0;
  if (found.growth.why.empty() && !found.growth.value) found.growth.value = 1;
  if (any) found.data = {{"family", family}, {"groups", std::move(listed.groups)}};
  if (!listed.rest.empty()) {
    listed.rest["unlisted"] = listed.rest["count"];
    found.data["groups_rest"] = std::move(listed.rest);
  }
  return found;
}

}  // namespace bbz::tools
