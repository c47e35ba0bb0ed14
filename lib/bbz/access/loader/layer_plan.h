// The order in which a model's tensors are used: layer by layer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::loader {

// The tensors of one layer or, without a number, those that belong to none.
struct LayerPlan {
  std::optional<std::uint32_t> layer;
  std::vector<std::uint32_t> tensors;  // by number in the catalog, in archive order

  // "layer 3", "no layer", for messages.
  std::string to_string() const;
};

// What comes before the first layer (embeddings: see is_input()), the layers in the order of their
// numbers, and what comes after the last (norms, heads); only what is not empty. A tensor's layer
// is that of its record or, where it has none, of its name (bbz::layer_of). Operands and bytes
// that are no tensor are left out. `files` restricts it to tensors of these files, by number; empty
// for all.
std::vector<LayerPlan> plan_layers(const catalog::Catalog& catalog,
                                   const std::vector<std::uint32_t>& files = {});

// Whether a tensor of no layer is read before the layers: one of its name's components has "embed"
// or "embd" in it, other than "embed_out", or is "wte", "wpe" or "shared".
bool is_input(std::string_view name);

}  // namespace bbz::loader
