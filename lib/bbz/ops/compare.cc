#include "bbz/ops/compare.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "bbz/ops/rotation/pack.h"

namespace bbz::ops {
namespace {

// Returns whether a tensor has the same shape in both models, however its elements are coded.
Result<bool> same_shape(const TensorInfo& first, const TensorInfo& second) {
  BBZ_ASSIGN(const Shape shape, shape_in_values(first));
  BBZ_ASSIGN(const Shape other, shape_in_values(second));
  return shape == other;
}

Status compare_all_tensors(const model::Model& first, const model::Model& second,
                           Comparison& found) {
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < second.tensors.size(); ++i) places[second.tensors[i].name] = i;
  for (std::size_t i = 0; i < first.tensors.size(); ++i) {
    const TensorInfo& info = first.tensors[i];
    Comparison::Tensor row{info.name, "", {}};
    const auto place = places.find(info.name);
    bool comparable = false;
    if (place == places.end()) {
      row.state = "only in the first";
    } else {
      BBZ_ASSIGN(comparable, same_shape(info, second.tensors[place->second]));
      if (!comparable) row.state = "another shape";
    }
    if (comparable) {
      const std::size_t j = place->second;
      BBZ_ASSIGN(row.difference,
                 compare::compare_tensors(
                     info, [&](std::uint64_t offset) { return first.load_part(i, offset); },
                     second.tensors[j],
                     [&](std::uint64_t offset) { return second.load_part(j, offset); }));
    }
    if (place != places.end()) places.erase(place);
    found.tensors.push_back(std::move(row));
  }
  for (const auto& [name, place] : places) {
    found.tensors.push_back({std::string(name), "only in the second", {}});
  }
  return {};
}

Status compare_orbits(const model::Model& first, const model::Model& second, Comparison& found) {
  const junction::Detection detection = junction::detect(first.tensors);
  found.no_orbits = detection.refusal;
  if (!detection.refusal.empty()) return {};
  for (const junction::Junction& junction : detection.junctions) {
    found.junctions.push_back(junction.name);
  }
  for (const model::Model* model : {&first, &second}) {
    if (const Status work = rotation::check_work(*model, detection); !work.ok()) {
      found.no_orbits = work.error().message;
      return {};
    }
  }
  auto orbits =
      compare::orbit_distances({first.tensors, first.load}, {second.tensors, second.load});
  if (!orbits.ok()) {
    const bool none =
        orbits.code() == Code::kInvalidArgument || orbits.code() == Code::kUnsupported;
    if (!none) return orbits.error();
    found.no_orbits = orbits.error().message;
    return {};
  }
  found.orbits = std::move(orbits).value();
  return {};
}

}  // namespace

std::size_t Comparison::identical() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      tensors, [](const Tensor& t) { return t.state.empty() && t.difference.identical; }));
}

double Comparison::largest_difference() const {
  double largest = 0;
  for (const Tensor& row : tensors) {
    largest = std::max(largest, row.state.empty() ? row.difference.largest : INFINITY);
  }
  return largest;
}

double Comparison::largest_orbit() const {
  double largest = orbits.empty() ? INFINITY : 0;
  for (const auto& orbit : orbits) largest = std::max(largest, orbit.rotated);
  return largest;
}

Result<Comparison> compare_models(const model::Model& first, const model::Model& second) {
  Comparison found;
  BBZ_TRY(compare_all_tensors(first, second, found));
  BBZ_TRY(compare_orbits(first, second, found));
  return found;
}

}  // namespace bbz::ops
