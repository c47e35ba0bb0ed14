// Shared by the generators. Internal to tests/models.
#pragma once

#include <random>

#include "bbz/symmetry/junction/family.h"
#include "models/models.h"

namespace bbz::test_models {

const junction::Family& family_of(const Spec& spec);
std::uint64_t junction_width(const Spec& spec, std::size_t junction);
std::uint64_t head_size(const Spec& spec);
// The outputs of an input projection, or the inputs of an output projection, by its name.
std::uint64_t inner_width(const Spec& spec, std::string_view projection);
bool has_biases(const Spec& spec);
linalg::Matrix gaussian(std::uint64_t rows, std::uint64_t cols, double scale, std::uint64_t seed);
linalg::Matrix random_orthogonal(std::uint64_t n, std::uint64_t seed);
void append(Model& model, const std::string& name, const linalg::Matrix& matrix, DType dtype,
            bool vector = false);

}  // namespace bbz::test_models
