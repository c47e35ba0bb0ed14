// The models that are measured: their shapes, before and after slicing.
#pragma once

#include <span>
#include <string_view>

#include "models/models.h"

namespace bbz::bench {

struct Shape {
  std::string_view name;
  test_models::Spec spec;  // before slicing
};

// OPT-1.3B, OPT-6.7B, Llama-2-7B, Llama-2-13B, in F16.
std::span<const Shape> shapes();

// The width that SliceGPT leaves of `hidden` at a slicing of so many percent: a multiple of 8.
std::uint64_t sliced_width(std::uint64_t hidden, unsigned percent);

// The model with every junction sliced to `width`, but for the last, before the head.
test_models::Spec sliced(const test_models::Spec& spec, std::uint64_t width);

// Elements of all tensors.
std::uint64_t entries_of(const test_models::Spec& spec);

}  // namespace bbz::bench
