// Finds the integers that floats are products of: what a quantised tensor holds that was dequantised
// by the scale of each row.
#pragma once

#include <optional>
#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/codec/number/layout.h"

namespace bbz::codec::number {

// Returns the integer of 16 bits whose product with the scale is nearest to a float, or 0 if there is
// none. Precondition: the kind of the model is kScaled.
std::int32_t integer_of(const Model& model, std::uint64_t element, float scale);

// Returns a scale such that almost all of these floats are products of it and an integer of 16 bits,
// which is small enough to be worth it, or nullopt. Precondition: as above.
std::optional<float> find_scale(const Model& model, const std::vector<std::uint32_t>& elements);

}  // namespace bbz::codec::number
