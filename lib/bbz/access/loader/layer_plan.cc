#include "bbz/access/loader/layer_plan.h"

#include <algorithm>
#include <map>

#include "bbz/base/layer_name.h"

namespace bbz::loader {
namespace {

bool is_input_component(std::string_view part) {
  if (part == "wte" || part == "wpe" || part == "shared") return true;
  if (part == "embed_out") return false;  // the head of GPT-NeoX
  return part.find("embed") != std::string_view::npos ||
         part.find("embd") != std::string_view::npos;
}

// Returns the layer in the record or, for records without one, the layer in the name.
std::optional<std::uint32_t> recorded_layer(const catalog::TensorMeta& meta) {
  if (meta.layer != catalog::kNone) return meta.layer;
  return layer_of(meta.name);
}

}  // namespace

bool is_input(std::string_view name) {
  while (true) {
    const std::size_t end = name.find_first_of("./");
    if (is_input_component(name.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    name.remove_prefix(end + 1);
  }
}

std::string LayerPlan::to_string() const {
  return layer ? "layer " + std::to_string(*layer) : "no layer";
}

std::vector<LayerPlan> plan_layers(const catalog::Catalog& catalog,
                                   const std::vector<std::uint32_t>& files) {
  LayerPlan before;
  LayerPlan after;
  std::map<std::uint32_t, LayerPlan> layers;
  for (const catalog::Tensor& tensor : catalog.tensors) {
    const catalog::TensorMeta& meta = tensor.meta;
    if (!meta.is_named()) continue;
    if (!files.empty() && std::ranges::find(files, meta.file) == files.end()) continue;
    const auto layer = recorded_layer(meta);
    LayerPlan& plan = layer ? layers[*layer] : is_input(meta.name) ? before : after;
    plan.layer = layer;
    plan.tensors.push_back(meta.number);
  }
  std::vector<LayerPlan> plans;
  if (!before.tensors.empty()) plans.push_back(std::move(before));
  for (auto& [number, plan] : layers) plans.push_back(std::move(plan));
  if (!after.tensors.empty()) plans.push_back(std::move(after));
  return plans;
}

}  // namespace bbz::loader
