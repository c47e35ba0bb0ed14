// Whether two models differ by more than the rotations of their junctions.
#pragma once

#include <span>

#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::compare {

using junction::Load;

// One side: its tensors and how to get their bytes.
struct Side {
  std::span<const TensorInfo> tensors;  // must outlive the comparison
  Load load;
};

// What is left between the models at a junction after the best rotation of the first.
struct OrbitDistance {
  std::size_t junction = 0;    // index into Detection::junctions of the first side
  double plain = 0;            // |A - B| / |B| over the members, with the basis as it is
  double rotated = 0;          // |A U - B| / |B| with the best U: rounding only, in one orbit
  double largest = 0;          // the largest entry of |A U - B|
  gauge::Deviation deviation;  // of A U from B, over all members
};

// Walks the proven junctions in residual order. At each, U is the orthogonal Procrustes solution
// over all members but the shortcut that leaves, which the next junction takes with this U. The
// sides may have different types. Shortcuts, which can have been derived within a tolerance, are
// measured with the others.
// Errors: kInvalidArgument where the sides have different junctions, widths or shapes (naming the
// tensor); kUnsupported if a member is not finite; whatever load returns.
Result<std::vector<OrbitDistance>> orbit_distances(const Side& first, const Side& second);

}  // namespace bbz::compare
