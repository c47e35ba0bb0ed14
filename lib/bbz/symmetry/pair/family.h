// How the tools that factor models name the factors: one row for each pair of names, so that a new
// one is a new row.
#pragma once

#include <span>
#include <string_view>

namespace bbz::pair {

// The names of a pair A [out, r], B [r, in] are a stem and these suffixes, which end with ".weight".
// With "q_u_proj.weight" and "q_v_proj.weight", the stem is "q".
struct Family {
  std::string_view name;
  std::string_view a;
  std::string_view b;
  // The suffixes, after the stem, of the matrix [out, in] in whose place such a pair stands, the usual
  // one first. Empty if a pair is added to a matrix and does not stand in its place.
  std::span<const std::string_view> wholes;
  // What follows the stem in the names of tensors that could stand between the two: one of these
  // characters.
  std::string_view below;
};

// Returns all rows: ASVD, SVD-LLM and LoRA, some with several. The a of one is not the end of the a of another, so
// that a name fits one row at most.
std::span<const Family> families();

}  // namespace bbz::pair
