// Measures whether two models differ by more than the rotations of their junctions.
#pragma once

#include <span>

#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::compare {

// One of the two models: its tensors and how to load their bytes.
struct Side {
  std::span<const TensorInfo> tensors;  // must outlive the comparison
  LoadTensor load;
};

// The distance between the models at a junction, after the best rotation of the first.
struct OrbitDistance {
  std::size_t junction = 0;  // index into Detection::junctions of the first side
  double plain = 0;          // |A - B| / |B| over the members, with the basis as it is
  double rotated = 0;  // |A U - B| / |B| with the best U; rounding only, if both are in one orbit
  double largest = 0;  // the largest entry of |A U - B|
  gauge::Deviation deviation;  // of A U from B, over all members
};

// Measures the junctions that are proven on both sides, in residual order. At each, U is the
// orthogonal Procrustes solution over all members except the outgoing shortcut, which the next
// junction measures after applying this U to it. The sides may have different element types.
// Shortcuts may have been derived within a tolerance; they are measured like other members. Errors:
// kInvalidArgument if the sides have different families, junctions, members or shapes (naming the
// tensors); kUnsupported if a member is not finite; the errors of `load`.
Result<std::vector<OrbitDistance>> orbit_distances(const Side& first, const Side& second);

}  // namespace bbz::compare
