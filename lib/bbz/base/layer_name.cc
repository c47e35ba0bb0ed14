#include "bbz/base/layer_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace bbz {
namespace {

// The components that may come before the number of a layer, with models that use them.
constexpr std::array<std::string_view, 8> kStacks = {
    "layers",              // Llama, Mistral, Qwen, OPT, BART, Flax modules (layers_3)
    "layer",               // BERT, ViT (encoder.layer.3)
    "h",                   // GPT-2, BLOOM, Falcon
    "blocks",              // MPT, RWKV, timm's vision transformers
    "block",               // T5 (encoder.block.3.layer.0)
    "blk",                 // names in the manner of GGUF
    "resblocks",           // CLIP
    "transformer_blocks",  // diffusion transformers
};

bool is_boundary(char c) {
  return c == '.' || c == '/';
}

// Returns the number that is the first component of `text`.
std::optional<std::uint32_t> leading_number(std::string_view text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || (stop != end && !is_boundary(*stop))) return std::nullopt;
  // The largest number means "no layer" in the format.
  if (number == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return number;
}

// Returns the number of the layer if `text` begins with the name of a stack.
std::optional<std::uint32_t> layer_at(std::string_view text) {
  for (const std::string_view stack : kStacks) {
    if (!text.starts_with(stack) || text.size() == stack.size()) continue;
    const char separator = text[stack.size()];
    if (!is_boundary(separator) && separator != '_') continue;
    if (const auto number = leading_number(text.substr(stack.size() + 1))) return number;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> layer_of(std::string_view name) {
  while (true) {
    if (const auto number = layer_at(name)) return number;
    const auto next = std::ranges::find_if(name, is_boundary);
    if (next == name.end()) return std::nullopt;
    name.remove_prefix(static_cast<std::size_t>(next - name.begin()) + 1);
  }
}

}  // namespace bbz
