// The noise floor: after a change of gauge, every entry of a row carries the rounding noise of the
// whole row. The bits of small entries that are finer than this noise say nothing, and a floor leaves
// them out.
#pragma once

#include <optional>
#include <string_view>

#include "bbz/base/checked.h"
#include "bbz/base/dtype.h"
#include "bbz/symmetry/gauge/internal/deviation.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::gauge {

// The floor that is asked for.
enum class Floor : std::uint8_t { kNone, kHalf, kOne };

// Returns "0", "0.5" or "1".
std::string_view floor_name(Floor floor);
// Returns the floor of a name, or nothing if there is none of this name.
std::optional<Floor> find_floor(std::string_view name);
// Returns the limit on what the floor may make of the error of a gauge, as a multiple of that without
// a floor: 1 for kNone.
double accepted_growth(Floor floor);

// How coarse the entries of a row may become.
struct NoiseFloor {
  // A row's step is the smallest power of two that is at least so many times the root mean square of
  // the units in the last place of its entries; 0: there is no floor.
  double factor = 0;
  // Steps are halved until the expected error of a block of rows is at most so many times that without
  // a floor.
  double most_growth = 1;
};
// Returns what a floor means, with a margin between most_growth and accepted_growth().
NoiseFloor noise_floor(Floor floor);

// What rounding did to the entries of tensors.
struct Rounding {
  Deviation stored;  // of the stored entries from the exact ones
  Deviation plain;   // of the exact entries from what they would be without a floor

  // Adds what `other` sums up.
  void add(const Rounding& other);
  // Returns the error as a multiple of that without a floor, by root mean square; 1 if that is 0.
  double growth() const;
};

// Rounds the rows of `exact` to the type into `out`, one row after the other. With a floor, the
// entries of a row are rounded to multiples of its step if that is coarser than their type is there:
// ties to even, and zeros without a sign. Adds the differences to `measured`. Returns whether all
// results are finite.
// Preconditions: linalg::is_float(dtype); `exact` is finite; `out` holds exactly its elements.
[[nodiscard]] bool round_rows(const linalg::ConstView& exact, DType dtype, const NoiseFloor& floor,
                              MutableBytes out, Rounding& measured);

}  // namespace bbz::gauge
