// Finds the layer of a tensor from its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bbz {

// Returns the number after the first component that names a stack of layers ("layers", "h",
// "blocks", ...), or nullopt if there is none: 3 for "model.layers.3.mlp.experts.5.w1" and for
// "h.3.attn.bias", nullopt for "lm_head.weight". '.' or '/' separates components, and '_' may also
// separate a stack from its number. If a model has several stacks, such as an encoder and a
// decoder, tensors of both share a number. Numbers are below 2^32 - 1.
std::optional<std::uint32_t> layer_of(std::string_view name);

}  // namespace bbz
