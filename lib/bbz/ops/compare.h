// Compare: measures how two models differ, tensor by tensor, up to rotation, and up to the factors of products.
#pragma once

#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/compare/models.h"
#include "bbz/compare/orbit.h"
#include "bbz/compare/pairs.h"

namespace bbz::ops {

// How two models differ.
struct Comparison {
  std::vector<compare::ComparedTensor> tensors;  // as compare::compare_models() gives them
  std::vector<std::string> junctions;            // names
  std::vector<compare::OrbitDistance> orbits;    // at junctions, by their index in `junctions`
  std::string no_orbits;                         // why there are no orbits; else empty
  std::vector<compare::PairDistance> pairs;      // as compare::pair_distances() gives them
  std::string no_pairs;                          // why there are no pairs; else empty

  // Returns the number of tensors that are identical in type, shape and bytes.
  std::size_t identical() const;
  // Returns the largest difference of an entry: infinite if a tensor cannot be compared.
  double largest_difference() const;
  // Returns the largest distance of a junction after rotation: infinite if there are no orbits.
  double largest_orbit() const;
  // Returns the number of pairs whose products are the same up to rounding.
  std::size_t same_pairs() const;
  // Returns the largest distance of a product: infinite if there are no pairs, or if one cannot be compared.
  double largest_product() const;
};

// Compares two models, and holds about 32 MiB or one chunk of each at a time, but for the orbits and pairs. Errors:
// those of the models' functions, which are called on the calling thread; those of
// compare::compare_models().
Result<Comparison> compare_models(const model::Model& first, const model::Model& second);

}  // namespace bbz::ops
