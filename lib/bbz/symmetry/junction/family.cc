#include "bbz/symmetry/junction/family.h"

#include <array>

namespace bbz::junction {
namespace {

using Names1 = std::array<std::string_view, 1>;
using Names2 = std::array<std::string_view, 2>;
using Names3 = std::array<std::string_view, 3>;
using Names4 = std::array<std::string_view, 4>;

constexpr Names3 kQkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
constexpr Names1 kAttentionOut = {"self_attn.o_proj"};
constexpr Names2 kGateUp = {"mlp.gate_proj", "mlp.up_proj"};
constexpr Names1 kDown = {"mlp.down_proj"};
constexpr Names1 kEmbeddings = {"model.embed_tokens.weight"};

constexpr std::array<SubBlock, 2> kLlama = {{
    {"attention", kQkv, kAttentionOut, "attn_shortcut_Q", "input_layernorm"},
    {"mlp", kGateUp, kDown, "mlp_shortcut_Q", "post_attention_layernorm"},
}};

constexpr Names1 kQkvFused = {"self_attn.qkv_proj"};
constexpr Names1 kGateUpFused = {"mlp.gate_up_proj"};

constexpr std::array<SubBlock, 2> kPhi3 = {{
    {"attention", kQkvFused, kAttentionOut, "attn_shortcut_Q", "input_layernorm"},
    {"mlp", kGateUpFused, kDown, "mlp_shortcut_Q", "post_attention_layernorm"},
}};

// Lists a Phi-2 layer as one sub-block, because both of its sub-blocks read and write the same two
// junctions.
constexpr Names4 kPhi2Reads = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                               "mlp.fc1"};
constexpr Names2 kPhi2Writes = {"self_attn.dense", "mlp.fc2"};

constexpr std::array<SubBlock, 1> kPhi2 = {{
    {"parallel", kPhi2Reads, kPhi2Writes, "attn_shortcut_Q", "input_layernorm"},
}};

constexpr Names1 kOptAttentionOut = {"self_attn.out_proj"};
constexpr Names1 kOptFc1 = {"fc1"};
constexpr Names1 kOptFc2 = {"fc2"};
constexpr Names2 kOptEmbeddings = {"model.decoder.embed_tokens.weight",
                                   "model.decoder.embed_positions.weight"};

constexpr std::array<SubBlock, 2> kOpt = {{
    {"attention", kQkv, kOptAttentionOut, "attn_shortcut_Q", "self_attn_layer_norm"},
    {"mlp", kOptFc1, kOptFc2, "mlp_shortcut_Q", "final_layer_norm"},
}};

constexpr std::array<Family, 4> kFamilies = {{
    {"llama", "model.layers.", kEmbeddings, kLlama, "model.norm", "lm_head"},
    {"opt", "model.decoder.layers.", kOptEmbeddings, kOpt, "model.decoder.final_layer_norm",
     "lm_head"},
    {"phi-2", "model.layers.", kEmbeddings, kPhi2, "model.final_layernorm", "lm_head"},
    {"phi-3", "model.layers.", kEmbeddings, kPhi3, "model.norm", "lm_head"},
}};

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

}  // namespace bbz::junction
