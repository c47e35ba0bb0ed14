// What a forward pass must know of a model: from its tensors, and from config.json where that is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "bbz/base/error.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::forward {

// What tensors do not tell. A value that is given goes before one that is inferred.
struct Hints {
  std::optional<std::uint64_t> heads;     // of the queries
  std::optional<std::uint64_t> kv_heads;  // of keys and values
  std::optional<std::uint64_t> hidden;    // the hidden size before slicing
  std::optional<double> rotary_base;
  std::optional<double> norm_epsilon;
};

// Reads the fields of a Hugging Face config.json: num_attention_heads, num_key_value_heads,
// hidden_size, rope_theta, rms_norm_eps. Others are ignored; those that are not there stay empty.
// Errors: kMalformed where the text is not a JSON object or a field is not a positive number.
Result<Hints> hints_from_config(std::string_view json);

enum class Architecture : std::uint8_t { kLlama, kOpt };

struct Config {
  Architecture architecture{};
  std::uint32_t layers = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_size = 0;
  std::uint64_t hidden = 0;  // over which a norm without weights takes its mean
  std::uint64_t vocabulary = 0;
  double rotary_base = 10000.0;
  double norm_epsilon = 1e-5;
};

// Errors: kUnsupported for a family without a forward pass here (they are Llama and OPT); kNotFound
// where heads is not given; kMalformed where the number of heads does not divide the projections,
// or a tensor that is needed is missing or has not two axes.
Result<Config> infer_config(std::span<const TensorInfo> tensors, const Hints& hints);

}  // namespace bbz::forward
