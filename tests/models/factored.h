// Models whose projections are low-rank pairs, made up for tests and benchmarks.
#pragma once

#include "bbz/symmetry/pair/family.h"
#include "models/models.h"

namespace bbz::test_models {

// How the projections of a model's layers are factored.
struct Factoring {
  std::size_t row = 0;     // of pair::families(); that of an adapter leaves the matrix where it is
  double share = 0.8;      // of the numbers of a matrix, which a pair has
  std::uint64_t rank = 0;  // if not 0, the rank of all pairs, at most that of the matrix
};

// The rank of a pair for an out x in matrix: at least 1.
std::uint64_t rank_of(const Factoring& how, std::uint64_t out, std::uint64_t in);

// A plain_llama() or plain_opt() in which the pairs are the truncated singular value decomposition of
// each projection, A = U diag(s)^1/2 and B = diag(s)^1/2 V^T, and A has the bias. Adapters are small random
// numbers.
Model factored(const Model& plain, const Spec& spec, const Factoring& how);

// The same model with other factors of the same products: A G and G^-1 B, with a random G not far
// from orthogonal, rounded to their types.
Model refactored(const Model& model, std::uint64_t seed);

// The names, types and shapes of a Llama (or OPT, by spec.family) with factored projections.
std::vector<TensorInfo> factored_infos(const Spec& spec, const Factoring& how);

// The bytes of one of those tensors, of any size: a row at a time. Factors are Gaussian, with the scales that data-aware
// factoring gives to trained weights: the columns of A fall from 30 to 1.7, the rows of B rise from 0.11 to
// 0.26, rows of A and columns of B vary by factors of exp(0.15 z) and exp(0.08 z). All else is as in
// plain_llama().
std::vector<std::byte> factored_bytes(const Spec& spec, const TensorInfo& info);

}  // namespace bbz::test_models
