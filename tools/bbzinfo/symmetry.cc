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

void print_record(const std::string& path, const Json& record) {
  if (const auto whole = field<std::string>(record, "record", ""); !whole.empty()) {
    put("  {}: see {}, a file of the same model\n", bbz::quoted(path), bbz::quoted(whole));
    return;
  }
  put("  {}: {}, family {}\n\n", bbz::quoted(path),
      bbz::quoted(field<std::string>(record, "method", "?")),
      bbz::quoted(field<std::string>(record, "family", "?")));
  Table table({"junction", "width", "method", "rank", "members", "saved", "bits/dof", "largest",
               "rms", "note"});
  std::int64_t saved = 0;
  const auto junctions = record.find("junctions");
  if (junctions == record.end() || !junctions->is_array()) return;
  for (const Json& junction : *junctions) {
    if (!junction.is_object()) continue;
    const auto width = field<double>(junction, "width", 0);
    const auto bits = field<std::int64_t>(junction, "bits_saved", 0);
    const double freedom = width * (width - 1) / 2;
    const auto members = junction.find("members");
    saved += bits;
    const auto name = bbz::quoted(field<std::string>(junction, "name", "?"));
    const auto note = field<std::string>(junction, "note", "");
    table.add({name.substr(1, name.size() - 2), fmt::format("{}", width),
               bbz::quoted(field<std::string>(junction, "method", "?")),
               fmt::format("{}", field<std::uint64_t>(junction, "rank", 0)),
               fmt::format("{}", members == junction.end() ? 0 : members->size()),
               human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bits, 0)) / 8),
               fmt::format("{:.2f}", freedom > 0 ? static_cast<double>(bits) / freedom : 0.0),
               fmt::format("{:.2e}", field<double>(junction, "largest_difference", 0)),
               fmt::format("{:.2e}", field<double>(junction, "rms_difference", 0)),
               note.empty() ? "" : bbz::quoted(note)});
  }
  table.print();
  put("  saved before the float coder: {}\n\n",
      human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(saved, 0)) / 8));
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
