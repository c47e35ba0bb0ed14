// Finds the order in which a model's tensors are used, layer by layer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bbz/format/catalog/catalog.h"

namespace bbz::loader {

// The tensors of one layer or, without a number, some that belong to no layer.
struct LayerPlan {
  std::optional<std::uint32_t> layer;  // its number; nullopt: tensors of no layer
  std::vector<std::uint32_t> tensors;  // numbers in the catalog, in archive order

  // Returns "layer 3" or "no layer", for messages.
  std::string to_string() const;
};

// Returns the tensors before the first layer (embeddings: see is_input()), those of each layer in
// the order of the layers' numbers, and those after the last (norms, heads). Empty plans are left
// out. The layer of a tensor is in its record or, if not, in its name (bbz::layer_of). Operands and
// bytes that are no tensor are left out. `files` restricts the plan to tensors of these files, by
// number; empty for all files.
std::vector<LayerPlan> plan_layers(const catalog::Catalog& catalog,
                                   const std::vector<std::uint32_t>& files = {});

// Returns whether a tensor of no layer is read before the layers: one component of its name
// contains "embed" or "embd" (but is not "embed_out"), or is "wte", "wpe" or "shared".
bool is_input(std::string_view name);

}  // namespace bbz::loader
