// Config: what a forward pass must know of a model, from its tensors and its config.json if it has
// one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bbz/base/error.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::forward {

// Values that tensors do not tell. A given value has precedence over an inferred one.
struct Hints {
  std::optional<std::uint64_t> heads;     // number of query heads
  std::optional<std::uint64_t> kv_heads;  // number of key and value heads
  std::optional<std::uint64_t> hidden;    // hidden size before slicing
  std::optional<double> rotary_base;
  std::optional<double> norm_epsilon;
};

// Reads the fields of a Hugging Face config.json: num_attention_heads, num_key_value_heads,
// hidden_size, rope_theta, rms_norm_eps. Other fields are ignored, and missing ones stay empty.
// Errors: kMalformed if the text is not a JSON object or a field is not a positive number.
Result<Hints> hints_from_config(std::string_view json);

// The architectures that have a forward pass here.
enum class Architecture : std::uint8_t { kLlama, kOpt };

// The dimensions and constants of a model.
struct Config {
  Architecture architecture{};
  std::string prefix;  // before the names of the architecture, such as "module."; may be empty
  std::uint32_t layers = 0;
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t head_size = 0;
  std::uint64_t hidden = 0;  // number of entries over which a norm without weights takes its mean
  std::uint64_t vocabulary = 0;
  double rotary_base = 10000.0;
  double norm_epsilon = 1e-5;
};

// Finds the configuration of a model, in which a proven low-rank pair is the matrix for which it stands.
// The names of its tensors may follow a prefix, as junction::detect() finds it.
// Errors: kUnsupported for a family other than Llama and OPT,
// and for an OPT with projected embeddings; kNotFound if `hints.heads` is empty; kMalformed if the
// heads do not divide the projections into parts of an even size, or if a tensor that is needed is
// missing or is not a matrix.
Result<Config> infer_config(std::span<const TensorInfo> tensors, const Hints& hints);

}  // namespace bbz::forward
