#include "bbz/ops/compare.h"

#include <algorithm>
#include <cmath>

#include "bbz/ops/rotation/pack.h"

namespace bbz::ops {
namespace {

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
      tensors,
      [](const compare::ComparedTensor& t) { return t.state.empty() && t.difference.identical; }));
}

double Comparison::largest_difference() const {
  double largest = 0;
  for (const compare::ComparedTensor& row : tensors) {
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
  BBZ_ASSIGN(found.tensors, compare::compare_models(first, second));
  BBZ_TRY(compare_orbits(first, second, found));
  return found;
}

}  // namespace bbz::ops
