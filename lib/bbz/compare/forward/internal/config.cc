#include "bbz/compare/forward/internal/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bbz/base/format.h"
#include "bbz/compare/forward/internal/weights.h"
#include "bbz/symmetry/pair/find.h"

namespace bbz::forward {
namespace {

template <class T>
Status read(const nlohmann::json& object, const char* key, std::optional<T>& out) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  const bool fits = std::is_integral_v<T> ? found->is_number_unsigned() : found->is_number();
  if (!fits || !(found->get<double>() > 0)) {
    return make_error(Code::kMalformed, "config: expected a positive number for {}, found {}", key,
                      found->type_name());
  }
  out = found->get<T>();
  return {};
}

const TensorInfo* find(std::span<const TensorInfo> tensors, std::string_view name) {
  const auto found = std::ranges::find(tensors, name, &TensorInfo::name);
  return found == tensors.end() ? nullptr : &*found;
}

// Returns the end of a sentence on a model that would be another one if its pairs were proven.
std::string refused_pair(std::span<const TensorInfo> tensors) {
  for (const pair::Pair& pair : pair::find_pairs(tensors)) {
    if (!pair.proven()) return fmt::format(", with a pair that is refused: {}", pair.refusal);
  }
  return "";
}

// Finds a matrix among tensors to which the products of `stored` have been added.
Result<const TensorInfo*> find_matrix(std::span<const TensorInfo> tensors,
                                      std::span<const TensorInfo> stored, std::string_view name) {
  const TensorInfo* info = find(tensors, name);
  if (info != nullptr && info->shape.size() == 2) return info;
  const std::string refusal = info == nullptr ? refusal_of(stored, name) : "";
  if (!refusal.empty()) {
    return make_error(Code::kMalformed, "{}: expected a matrix or its factors, found none: {}",
                      name, refusal);
  }
  return make_error(Code::kMalformed, "{}: expected a matrix, found {}", name,
                    info == nullptr ? "none" : "a tensor of another rank");
}

}  // namespace

Result<Hints> hints_from_config(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return make_error(Code::kMalformed, "config: expected a JSON object, found {}",
                      json.is_discarded() ? "text that is not JSON" : json.type_name());
  }
  Hints hints;
  BBZ_TRY(read(json, "num_attention_heads", hints.heads));
  BBZ_TRY(read(json, "num_key_value_heads", hints.kv_heads));
  BBZ_TRY(read(json, "hidden_size", hints.hidden));
  BBZ_TRY(read(json, "rope_theta", hints.rotary_base));
  BBZ_TRY(read(json, "rms_norm_eps", hints.norm_epsilon));
  return hints;
}

Result<Config> infer_config(std::span<const TensorInfo> stored, const Hints& hints) {
  Config config;
  const std::vector<TensorInfo> tensors = with_products(stored);
  const junction::Detection detection = junction::detect(tensors);
  if (detection.family == "llama") {
    config.architecture = Architecture::kLlama;
  } else if (detection.family == "opt") {
    config.architecture = Architecture::kOpt;
  } else {
    return make_error(Code::kUnsupported, "expected a model of the llama or opt family, found {}{}",
                      detection.family.empty() ? "an unknown one" : detection.family,
                      detection.family.empty() ? refused_pair(stored) : "");
  }
  config.prefix = detection.prefix;
  const bool opt = config.architecture == Architecture::kOpt;
  const auto named = [&](std::string_view name) { return config.prefix + std::string(name); };
  const std::string projected = named("model.decoder.project_in.weight");
  if (find(tensors, projected) != nullptr) {
    return make_error(Code::kUnsupported,
                      "expected an OPT model without projected embeddings, found {}", projected);
  }
  config.layers = detection.layers;
  const std::string stem = named(opt ? "model.decoder." : "model.");
  BBZ_ASSIGN(const TensorInfo* tokens, find_matrix(tensors, stored, stem + "embed_tokens.weight"));
  config.vocabulary = tokens->shape[0];
  // The head of a sliced model is not sliced, so it still has the hidden size.
  const TensorInfo* head = find(tensors, named("lm_head.weight"));
  const TensorInfo* widest = head != nullptr && head->shape.size() == 2 ? head : tokens;
  config.hidden = hints.hidden.value_or(widest->shape[1]);
  if (!hints.heads) {
    return make_error(Code::kNotFound,
                      "expected the number of heads, found none in a configuration");
  }
  const std::string layer = stem + "layers.0.";
  BBZ_ASSIGN(const TensorInfo* q, find_matrix(tensors, stored, layer + "self_attn.q_proj.weight"));
  BBZ_ASSIGN(const TensorInfo* k, find_matrix(tensors, stored, layer + "self_attn.k_proj.weight"));
  config.heads = *hints.heads;
  config.head_size = config.heads == 0 ? 0 : q->shape[0] / config.heads;
  config.kv_heads =
      hints.kv_heads.value_or(config.head_size == 0 ? 0 : k->shape[0] / config.head_size);
  if (config.head_size == 0 || config.head_size % 2 != 0 || config.kv_heads == 0 ||
      config.heads * config.head_size != q->shape[0] ||
      config.kv_heads * config.head_size != k->shape[0] || config.heads % config.kv_heads != 0) {
    return make_error(Code::kMalformed,
                      "expected heads of an even size that divide {} query and {} key rows, found "
                      "{} heads and {} key heads",
                      q->shape[0], k->shape[0], config.heads, config.kv_heads);
  }
  config.rotary_base = hints.rotary_base.value_or(config.rotary_base);
  config.norm_epsilon = hints.norm_epsilon.value_or(config.norm_epsilon);
  return config;
}

}  // namespace bbz::forward
