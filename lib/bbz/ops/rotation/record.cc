#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bbz/base/format.h"
#include "bbz/ops/rotation/internal/record.h"

namespace bbz::rotation {

std::string_view method_name(RequestedMethod method) {
  switch (method) {
    case RequestedMethod::kAuto:
      return "auto";
    case RequestedMethod::kBitsBack:
      return "bits-back";
    case RequestedMethod::kTriangular:
      return "triangular";
    case RequestedMethod::kPolar:
      return "polar";
    case RequestedMethod::kPivot:
      return "pivot";
  }
  return "unknown";
}

namespace {

// Rounds to four digits. Further digits depend on the order of sums, which differs between BLAS
// builds.
double to_four_digits(double value) {
  if (!std::isfinite(value)) return value;
  const std::string text = fmt::format("{:.3e}", value);
  double rounded = value;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

}  // namespace

std::int64_t Record::bits_saved() const {
  std::int64_t sum = 0;
  for (const JunctionRecord& junction : junctions) sum += junction.bits_saved;
  for (const PairRecord& pair : pairs) sum += pair.bits_saved;
  return sum;
}

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const JunctionRecord& junction, bool with_floor) {
  Json one;
  one["name"] = junction.name;
  one["width"] = junction.width;
  one["method"] = junction.method;
  one["rank"] = junction.rank;
  one["entries_saved"] = junction.entries_saved;
  one["bits_saved"] = junction.bits_saved;
  one["largest_difference"] = to_four_digits(junction.largest_difference);
  one["rms_difference"] = to_four_digits(junction.rms_difference);
  if (with_floor) one["growth"] = to_four_digits(junction.growth);
  if (!junction.note.empty()) one["note"] = junction.note;
  for (const auto& [tensor, role] : junction.members) {
    one["members"].push_back({{"tensor", tensor},
                              {"role", junction::role_name(role)},
                              {"axis", junction::role_axis(role)}});
  }
  return one;
}

Json to_json(const PairRecord& pair, bool with_floor) {
  Json one;
  one["name"] = pair.name;
  one["family"] = pair.family;
  one["rank"] = pair.rank;
  one["method"] = pair.method;
  one["axis"] = pair.axis;
  one["entries_saved"] = pair.entries_saved;
  one["bits_saved"] = pair.bits_saved;
  one["largest_difference"] = to_four_digits(pair.largest_difference);
  one["rms_difference"] = to_four_digits(pair.rms_difference);
  one["product_difference"] = to_four_digits(pair.product_difference);
  if (with_floor) one["growth"] = to_four_digits(pair.growth);
  if (!pair.note.empty()) one["note"] = pair.note;
  one["members"] = {pair.left, pair.right};
  return one;
}

}  // namespace

std::string to_json(const Record& record) {
  const bool with_floor = record.floor != gauge::Floor::kNone;
  Json json;
  json["method"] = record.method;
  json["family"] = record.family;
  json["exact"] = false;
  if (with_floor) json["floor"] = gauge::floor_name(record.floor);
  json["junctions"] = Json::array();
  for (const JunctionRecord& junction : record.junctions) {
    json["junctions"].push_back(to_json(junction, with_floor));
  }
  if (!record.pairs.empty()) json["pairs"] = Json::array();
  for (const PairRecord& pair : record.pairs) json["pairs"].push_back(to_json(pair, with_floor));
  return json.dump();
}

std::string reference_to(std::string_view path) {
  nlohmann::ordered_json json;
  json["exact"] = false;
  json["record"] = path;
  return json.dump();
}

}  // namespace bbz::rotation
