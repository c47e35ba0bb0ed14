// Numbers that say how two models' predictions differ.
#pragma once

#include <cstdint>
#include <span>

#include "bbz/base/error.h"
#include "bbz/compare/forward/internal/model.h"

namespace bbz::forward {

struct Score {
  double nll = 0;            // mean negative log-likelihood of the next token, nats
  std::uint64_t tokens = 0;  // that were predicted
};

struct Comparison {
  Score first;
  Score second;
  double largest_logit_difference = 0;
  double mean_kl = 0;  // of the second's distribution from the first's, nats per token
};

// `tokens` are sequences of `length` >= 2 tokens each; the last of a sequence is only predicted.
// Errors: as Model::logits(); kInvalidArgument where the vocabularies differ.
Result<Score> score(const Model& model, std::span<const std::uint32_t> tokens, std::size_t length);
Result<Comparison> compare(const Model& first, const Model& second,
                           std::span<const std::uint32_t> tokens, std::size_t length);

}  // namespace bbz::forward
