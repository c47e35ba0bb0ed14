// The layer that a tensor belongs to, from its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bbz {

// The number after the first component that names a stack of layers ("layers", "h", "blocks", ...),
// separated by '.', '/' or '_': 3 for "model.layers.3.mlp.experts.5.w1" and for "h.3.attn.bias",
// nullopt for "lm_head.weight". Where a model has several stacks (an encoder and a decoder),
// tensors of both with the same number share it. Numbers stay below 2^32 - 1.
std::optional<std::uint32_t> layer_of(std::string_view name);

}  // namespace bbz
