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
    if (const Status work = rotation::check_work(*model, {detection, {}}); !work.ok()) {
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

Status compare_pairs(const model::Model& first, const model::Model& second, Comparison& found) {
  auto pairs = compare::pair_distances(first, second);
  if (!pairs.ok()) {
    if (pairs.code() != Code::kLimit) return pairs.error();
    found.no_pairs = pairs.error().message;
    return {};
  }
  found.pairs = std::move(pairs).value();
  if (found.pairs.empty()) found.no_pairs = "no tensor has the name of a factor of a low-rank pair";
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

std::size_t Comparison::same_pairs() const {
  return static_cast<std::size_t>(std::ranges::count_if(pairs, &compare::PairDistance::same));
}

double Comparison::largest_product() const {
  double largest = pairs.empty() ? INFINITY : 0;
  for (const auto& pair : pairs) {
    largest = std::max(largest, pair.note.empty() ? pair.product : INFINITY);
  }
  return largest;
}

Result<Comparison> compare_models(const model::Model& first, const model::Model& second) {
  Comparison found;
  BBZ_ASSIGN(found.tensors, compare::compare_models(first, second));
  BBZ_TRY(compare_orbits(first, second, found));
  BBZ_TRY(compare_pairs(first, second, found));
  return found;
}

}  // namespace bbz::ops
