// Low-rank pairs: matrices that are stored as a product A B, with A [out, r] and B [r, in].
//
// Any invertible G changes both tensors, to A G and G^-1 B, but not their product. find_pairs() finds
// pairs by names and shapes alone, and proves each one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bbz/base/tensor_info.h"
#include "bbz/symmetry/pair/family.h"

namespace bbz::pair {

// The largest rank of a pair that is proven, which bounds the memory that r x r matrices take.
inline constexpr std::uint64_t kMaxRank = 32768;

// A pair, proven or refused.
struct Pair {
  // The index of a tensor that is not there.
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::string stem;                // what the names of A and B have in common, without a suffix
  const Family* family = nullptr;  // a row of families()
  std::size_t a = kNone;           // index into the list given to find_pairs()
  std::size_t b = kNone;           // likewise; kNone only if refused
  std::uint64_t out = 0;           // rows of A; 0 if refused
  std::uint64_t in = 0;            // columns of B; 0 if refused
  std::uint64_t rank = 0;          // columns of A and rows of B; 0 if refused
  std::string refusal;             // why it is not proven, in a sentence; else empty

  // Returns whether the pair is a matrix stored as a product.
  bool proven() const { return refusal.empty(); }
};

// Returns a Pair for each tensor that is named as an A, in the order of the list. A stem has a last
// component: "mlp._u_proj.weight" is no A. Never fails: a pair that cannot be proven is refused with a
// reason. It is proven if
//   - there is one tensor of each name, and both are matrices of F16, BF16, F32 or F64 (which need not
//     be the same) without an empty axis;
//   - A has as many columns as B has rows, at most kMaxRank and at most the smaller of A's rows and B's
//     columns;
//   - nothing stands between the two: there is no other tensor in the module of B (such as its bias),
//     and none below the stem (as `below` of the row says) that has an axis of the rank, such as a
//     norm. The bias of A, a vector as long as A has rows, is exempt.
// Takes time in proportion to the bytes of all names, and O(n log n) for n tensors.
std::vector<Pair> find_pairs(std::span<const TensorInfo> tensors);

}  // namespace bbz::pair
