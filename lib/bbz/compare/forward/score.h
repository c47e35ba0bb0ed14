// Scores: numbers that say how the predictions of two models differ.
#pragma once

#include <cstdint>
#include <span>

#include "bbz/base/error.h"
#include "bbz/compare/forward/internal/model.h"

namespace bbz::forward {

// The quality of a model's predictions.
struct Score {
  double nll = 0;            // mean negative log-likelihood of the next token, in nats
  std::uint64_t tokens = 0;  // number of predicted tokens
};

// The scores of two models on the same tokens, and their differences.
struct Comparison {
  Score first;
  Score second;
  double largest_logit_difference = 0;
  double mean_kl = 0;  // mean of KL(first || second) over the predicted tokens, in nats
};

// Scores a model on sequences of `length` >= 2 tokens each; the last token of a sequence is only
// predicted. Errors: those of Model::logits(); kInvalidArgument if `length` is less than 2 or the
// tokens do not fill whole sequences.
Result<Score> score(const Model& model, std::span<const std::uint32_t> tokens, std::size_t length);
// Scores two models on the same sequences. Errors: those of score(); kInvalidArgument if the
// vocabularies differ.
Result<Comparison> compare(const Model& first, const Model& second,
                           std::span<const std::uint32_t> tokens, std::size_t length);

}  // namespace bbz::forward
