// Finds the layer of a tensor from its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"

namespace bbz {

// Returns the number after the first component that names a stack of layers ("layers", "h",
// "blocks", ...), or nullopt if there is none: 3 for "model.layers.3.mlp.experts.5.w1" and for
// "h.3.attn.bias", nullopt for "lm_head.weight". '.' or '/' separates components, and '_' may also
// separate a stack from its number. If a model has several stacks, such as an encoder and a
// decoder, tensors of both share a number. Numbers are below 2^32 - 1.
std::optional<std::uint32_t> layer_of(std::string_view name);

// Rules for the layers of models whose names layer_of() does not cover, for writers: an archive
// states a layer that does not follow from the name.
//
// A pattern is compared with runs of whole components of a name: # stands for the digits of the
// layer, * for any characters of one component, and '.' for '.' or '/'. "down_blocks.#" finds 2 in
// "unet.down_blocks.2.resnets.0.conv1.weight", and "layer#" finds 4 in "layer4.0.conv1.weight".
class LayerRules {
 public:
  // Has the patterns of the table: those of UNets, ResNets and other models.
  LayerRules() = default;

  // Has these patterns too, which come first. Errors: kInvalidArgument if one has no or several #,
  // an empty component or over 256 bytes.
  static Result<LayerRules> make(std::vector<std::string> patterns);

  // Returns the layer by the first of the patterns that were given that finds one. If none does,
  // the outermost component that layer_of() or the table knows gives it; nullopt if there is none.
  std::optional<std::uint32_t> layer_of(std::string_view name) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace bbz
