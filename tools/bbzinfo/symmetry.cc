#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bbz/base/names.h"
#include "bbzinfo/summary.h"
#include "common/say.h"
#include "common/table.h"
#include "common/units.h"

namespace bbz::tools {
namespace {

using Json = nlohmann::json;

// Returns a field of the record. The archive wrote the record, so a field that is missing or has
// another type becomes `otherwise`.
template <class T>
T field(const Json& object, const char* key, T otherwise) {
  try {
    return object.value(key, otherwise);
  } catch (const Json::exception&) {
    return otherwise;
  }
}

// Returns a text of the record without control characters and without quotation marks around it.
std::string plain(const Json& object, const char* key, const std::string& otherwise) {
  const std::string text = bbz::quoted(field<std::string>(object, key, otherwise));
  return text.substr(1, text.size() - 2);
}

std::string size_of_bits(std::int64_t bits) {
  return human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bits, 0)) / 8);
}

// Returns the growth of an error by the floor, if there was one.
std::string growth_of(const Json& one) {
  return one.contains("growth") ? fmt::format("{:.3f}", field<double>(one, "growth", 0)) : "";
}

// Prints the pairs of a record, and returns the bits that they save.
std::int64_t print_pairs(const Json& record) {
  const auto pairs = record.find("pairs");
  if (pairs == record.end() || !pairs->is_array()) return 0;
  Table table({"pair", "family", "rank", "method", "saved", "product", "growth", "note"});
  std::int64_t saved = 0;
  for (const Json& pair : *pairs) {
    if (!pair.is_object()) continue;
    const auto bits = field<std::int64_t>(pair, "bits_saved", 0);
    saved += bits;
    table.add({plain(pair, "name", "?"), plain(pair, "family", "?"),
               fmt::format("{}", field<std::uint64_t>(pair, "rank", 0)), plain(pair, "method", "?"),
               size_of_bits(bits),
               fmt::format("{:.2e}", field<double>(pair, "product_difference", 0)), growth_of(pair),
               plain(pair, "note", "")});
  }
  table.print();
  return saved;
}

// Prints the junctions of a record, and returns the bits that they save.
std::int64_t print_junctions(const Json& record) {
  const auto junctions = record.find("junctions");
  if (junctions == record.end() || !junctions->is_array() || junctions->empty()) return 0;
  Table table({"junction", "width", "method", "rank", "members", "saved", "bits/dof", "largest",
               "rms", "growth", "note"});
  std::int64_t saved = 0;
  for (const Json& junction : *junctions) {
    if (!junction.is_object()) continue;
    const auto width = field<double>(junction, "width", 0);
    const auto bits = field<std::int64_t>(junction, "bits_saved", 0);
    const double freedom = width * (width - 1) / 2;
    const auto members = junction.find("members");
    saved += bits;
    const auto note = field<std::string>(junction, "note", "");
    table.add({plain(junction, "name", "?"), fmt::format("{}", width),
               bbz::quoted(field<std::string>(junction, "method", "?")),
               fmt::format("{}", field<std::uint64_t>(junction, "rank", 0)),
               fmt::format("{}", members == junction.end() ? 0 : members->size()),
               size_of_bits(bits),
               fmt::format("{:.2f}", freedom > 0 ? static_cast<double>(bits) / freedom : 0.0),
               fmt::format("{:.2e}", field<double>(junction, "largest_difference", 0)),
               fmt::format("{:.2e}", field<double>(junction, "rms_difference", 0)),
               growth_of(junction), note.empty() ? "" : bbz::quoted(note)});
  }
  table.print();
  return saved;
}

void print_record(const std::string& path, const Json& record) {
  if (const auto whole = field<std::string>(record, "record", ""); !whole.empty()) {
    put("  {}: see {}, a file of the same model\n", bbz::quoted(path), bbz::quoted(whole));
    return;
  }
  put("  {}: {}, family {}", bbz::quoted(path),
      bbz::quoted(field<std::string>(record, "method", "?")),
      bbz::quoted(field<std::string>(record, "family", "?")));
  if (record.contains("floor")) put(", floor {}", plain(record, "floor", "?"));
  put("\n\n");
  const std::int64_t saved = print_junctions(record) + print_pairs(record);
  put("  saved before the float coder: {}\n\n", size_of_bits(saved));
}

}  // namespace

void print_symmetry(const Summary& summary) {
  bool any = false;
  for (const auto& [place, value] : summary.metadata) {
    if (place.second != "symmetry" || place.first == catalog::kNone) continue;
    any = true;
    const Json record = value.text ? Json::parse(*value.text, nullptr, false) : Json();
    if (!value.text) {
      put("  {}: a symmetry record of {} bytes, too large to show\n",
          bbz::quoted(summary.catalog->files[place.first].path), grouped(value.bytes));
    } else if (record.is_object()) {
      print_record(summary.catalog->files[place.first].path, record);
    } else {
      put("  {}: a symmetry record that is not JSON\n",
          bbz::quoted(summary.catalog->files[place.first].path));
    }
  }
  if (!any) put("  exact: nothing was rotated\n");
}

}  // namespace bbz::tools
