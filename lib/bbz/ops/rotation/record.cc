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
  return sum;
}

std::string to_json(const Record& record) {
  nlohmann::ordered_json json;
  json["method"] = record.method;
  json["family"] = record.family;
  json["exact"] = false;
  json["junctions"] = nlohmann::ordered_json::array();
  for (const JunctionRecord& junction : record.junctions) {
    nlohmann::ordered_json one;
    one["name"] = junction.name;
    one["width"] = junction.width;
    one["method"] = junction.method;
    one["rank"] = junction.rank;
    one["entries_saved"] = junction.entries_saved;
    one["bits_saved"] = junction.bits_saved;
    one["largest_difference"] = to_four_digits(junction.largest_difference);
    one["rms_difference"] = to_four_digits(junction.rms_difference);
    if (!junction.note.empty()) one["note"] = junction.note;
    for (const auto& [tensor, role] : junction.members) {
      one["members"].push_back({{"tensor", tensor},
                                {"role", junction::role_name(role)},
                                {"axis", junction::role_axis(role)}});
    }
    json["junctions"].push_back(std::move(one));
  }
  return json.dump();
}

std::string reference_to(std::string_view path) {
  nlohmann::ordered_json json;
  json["exact"] = false;
  json["record"] = path;
  return json.dump();
}

}  // namespace bbz::rotation
