// Compare: measures how two models differ, tensor by tensor and up to rotation.
#pragma once

#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/compare/models.h"
#include "bbz/compare/orbit.h"

namespace bbz::ops {

// How two models differ.
struct Comparison {
  std::vector<compare::ComparedTensor> tensors;  // as compare::compare_models() gives them
  std::vector<std::string> junctions;            // names
  std::vector<compare::OrbitDistance> orbits;    // at junctions, by their index in `junctions`
  std::string no_orbits;                         // why there are no orbits; else empty

  // Returns the number of tensors that are identical in type, shape and bytes.
  std::size_t identical() const;
  // Returns the largest difference of an entry: infinite if a tensor cannot be compared.
  double largest_difference() const;
  // Returns the largest distance of a junction after rotation: infinite if there are no orbits.
  double largest_orbit() const;
};

// Compares two models, and holds about 32 MiB or one chunk of each at a time, but for the orbits. Errors:
// those of the models' functions, which are called on the calling thread; those of
// compare::compare_models().
Result<Comparison> compare_models(const model::Model& first, const model::Model& second);

}  // namespace bbz::ops
