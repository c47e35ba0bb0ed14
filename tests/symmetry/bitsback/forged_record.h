// Records of rotations that nobody drew.
#pragma once

#include <vector>

#include "bbz/symmetry/bitsback/internal/record.h"

namespace bbz::bitsback {

// A record for any carriers of this width with so many rows. It is well-formed and takes few bytes,
// so that decoding it costs all that a rotation costs, before its payload turns out to be wrong.
inline std::vector<std::byte> forged_record(std::uint64_t width, std::uint64_t rows) {
  constexpr int kBits = 8;  // for each degree of freedom
  Record record;
  record.grid = grid_covering(0.05, kBits);
  record.width = width;
  record.columns = rows;
  record.row_exponents.resize(width);
  record.corrections.resize(degrees_of_freedom(width));
  return encode_record(record);
}

}  // namespace bbz::bitsback
