#include "bbz/base/layer_name.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "bbz/base/format.h"
#include "bbz/base/names.h"

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

// Patterns for components that the format's rule does not know, with models that use them.
constexpr std::array<std::string_view, 11> kPatterns = {
    "down_blocks.#",                // UNets of diffusers
    "up_blocks.#",                  //
    "input_blocks.#",               // Stable Diffusion as published
    "output_blocks.#",              //
    "double_blocks.#",              // Flux
    "single_blocks.#",              //
    "single_transformer_blocks.#",  // Flux in diffusers
    "joint_blocks.#",               // Stable Diffusion 3
    "layer#",                       // ResNets of torchvision and timm
    "denseblock#",                  // DenseNets
    "features.#",                   // VGG, MobileNet and EfficientNet of torchvision
};

constexpr std::size_t kMostPatternBytes = 256;

// Returns the layer if `name` begins with components that fit the pattern.
std::optional<std::uint32_t> match_at(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  // The place after the last '*', and the place in the name up to which it reaches.
  std::size_t star = pattern.npos, reached = 0;
  std::size_t i = 0;
  std::size_t digits_begin = 0, digits_end = 0;
  while (true) {
    const bool ended = at == name.size() || is_boundary(name[at]);
    if (i == pattern.size() && ended) break;
    bool fits = false;
    if (i < pattern.size()) {
      const char c = pattern[i];
      if (c == '*') {
        star = ++i;
        reached = at;
        continue;
      }
      if (c == '#') {
        std::size_t end = at;
        while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
        fits = end != at;
        if (fits) {
          digits_begin = at;
          digits_end = end;
          at = end;
          ++i;
          continue;
        }
      } else if (c == '.') {
        fits = at < name.size() && is_boundary(name[at]);
        if (fits) star = pattern.npos;  // it ends within its component
      } else {
        fits = at < name.size() && !is_boundary(name[at]) && name[at] == c;
      }
    }
    if (fits) {
      ++i;
      ++at;
    } else if (star != pattern.npos && reached < name.size() && !is_boundary(name[reached])) {
      at = ++reached;
      i = star;
    } else {
      return std::nullopt;
    }
  }
  return leading_number(name.substr(digits_begin, digits_end - digits_begin));
}

// Removes the first component. Returns false if there is no other.
bool drop_component(std::string_view& name) {
  const auto next = std::ranges::find_if(name, is_boundary);
  if (next == name.end()) return false;
  name.remove_prefix(static_cast<std::size_t>(next - name.begin()) + 1);
  return true;
}

}  // namespace

std::optional<std::uint32_t> layer_of(std::string_view name) {
  while (true) {
    if (const auto number = layer_at(name)) return number;
    if (!drop_component(name)) return std::nullopt;
  }
}

Result<LayerRules> LayerRules::make(std::vector<std::string> patterns) {
  for (const std::string& pattern : patterns) {
    const bool empty = pattern.empty() || pattern.front() == '.' || pattern.back() == '.' ||
                       pattern.find("..") != pattern.npos;
    if (empty || std::ranges::count(pattern, '#') != 1 || pattern.size() > kMostPatternBytes) {
      return make_error(Code::kInvalidArgument,
                        "pattern {}: expected components with one # for the number of the layer, "
                        "such as \"stages.#\"",
                        quoted(pattern));
    }
  }
  LayerRules rules;
  rules.patterns_ = std::move(patterns);
  return rules;
}

std::optional<std::uint32_t> LayerRules::layer_of(std::string_view name) const {
  for (const std::string& pattern : patterns_) {
    std::string_view rest = name;
    do {
      if (const auto number = match_at(pattern, rest)) return number;
    } while (drop_component(rest));
  }
  do {
    if (const auto number = layer_at(name)) return number;
    for (const std::string_view pattern : kPatterns) {
      if (const auto number = match_at(pattern, name)) return number;
    }
  } while (drop_component(name));
  return std::nullopt;
}

}  // namespace bbz
