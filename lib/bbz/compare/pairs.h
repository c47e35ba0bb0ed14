// Measures whether the low-rank pairs of two models are the same matrices.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bbz/access/model/model.h"

namespace bbz::compare {

// How the product A B of a pair of the first model differs from what the second has for it: another
// pair, of any rank, or the matrix for which the pair stands. Either model may have the matrix.
//
// Rounding: an entry of a factor of type T is known to one unit in its last place, u(a) and u(b). If
// these errors are independent, row i of A B is known to |sum_k u(a_ik)^2 |b_k|^2|^1/2 + |sum_k a_ik^2
// |u(b_k)|^2|^1/2, a column likewise, and the row of a matrix to |u(w_i)|. Those of both models add
// up. It is about r^1/2 times less than the worst case for a pair of rank r, and four times what rounding to
// nearest makes of the factors, of one of the models, after a change of basis.
struct PairDistance {
  std::string name;               // the stem of the pair, of the first model if both have one
  std::uint64_t first_rank = 0;   // 0: a matrix
  std::uint64_t second_rank = 0;  // 0: a matrix
  bool identical = false;         // both have factors of the same types and bytes
  double plain = 0;  // |(A, B) - (A', B')| / |(A', B')|; infinite if not two pairs of the same rank
  double product = 0;   // |A B - A' B'| / |A' B'|, in the Frobenius norm
  double largest = 0;   // the largest entry of |A B - A' B'|
  double rounding = 0;  // what rounding makes of `product`
  double of_rounding =
      0;  // the norm of a row or column of A B - A' B' over what rounding makes of it; the largest
  std::string note;  // why the products cannot be compared; else empty

  // Returns whether the products are the same matrix, up to rounding that leaves something of it.
  bool same() const { return note.empty() && (identical || (of_rounding <= 1 && rounding < 1)); }
  // Returns that in words: "identical", "one matrix, factored twice", "one matrix, whole and factored",
  // "different matrices" or "not compared".
  std::string_view verdict() const;
};

// Compares all pairs of two models, in the order of the first model's, and then those for which only the second
// has a pair. A pair belongs to that of the same stem and family, or else to that which stands for the same
// matrix, or else to that matrix. Products are computed by blocks in double, and the factors of one pair of
// both models are held in double. Errors: kLimit, before anything is loaded, if the work is
// out of proportion to the stored bytes of the models; those of model::check_expansion() and of the models.
Result<std::vector<PairDistance>> pair_distances(const model::Model& first,
                                                 const model::Model& second);

}  // namespace bbz::compare
