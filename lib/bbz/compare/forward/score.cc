#include "bbz/compare/forward/score.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/format.h"

namespace bbz::forward {
namespace {

using linalg::Index;
using linalg::Matrix;
using Tokens = std::span<const std::uint32_t>;

// Visits one sequence at a time, so that memory does not grow with their number.
template <class Visit>
Status each_sequence(Tokens tokens, std::size_t length, const Visit& visit) {
  if (length < 2) {
    return make_error(Code::kInvalidArgument, "expected sequences of at least 2 tokens, found {}",
                      length);
  }
  if (tokens.size() % length != 0) {
    return make_error(Code::kInvalidArgument,
                      "expected whole sequences of {} tokens, found {} tokens in all", length,
                      tokens.size());
  }
  for (std::size_t begin = 0; begin < tokens.size(); begin += length) {
    BBZ_TRY(visit(tokens.subspan(begin, length)));
  }
  return {};
}

Result<Matrix> log_probabilities(const Model& model, Tokens seen, Matrix* logits = nullptr) {
  BBZ_ASSIGN(Matrix z, model.logits(seen, seen.size()));
  if (logits != nullptr) *logits = z;
  for (Index t = 0; t < z.rows(); ++t) {
    z.row(t).array() -= z.row(t).maxCoeff();
    z.row(t).array() -= std::log(z.row(t).array().exp().sum());
  }
  return z;
}

void add(Score& score, const Matrix& log_p, Tokens next) {
  for (std::size_t t = 0; t < next.size(); ++t) score.nll -= log_p(static_cast<Index>(t), next[t]);
  score.tokens += next.size();
}

void finish(Score& score) {
  if (score.tokens > 0) score.nll /= static_cast<double>(score.tokens);
}

Status check_next(const Model& model, Tokens next) {
  const auto largest = std::ranges::max_element(next);
  if (*largest >= model.config().vocabulary) {
    return make_error(Code::kInvalidArgument, "expected tokens below {}, found {}",
                      model.config().vocabulary, *largest);
  }
  return {};
}

}  // namespace

Result<Score> score(const Model& model, Tokens tokens, std::size_t length) {
  Score total;
  const auto visit = [&](Tokens sequence) -> Status {
    BBZ_TRY(check_next(model, sequence));
    BBZ_ASSIGN(const Matrix log_p, log_probabilities(model, sequence.first(length - 1)));
    add(total, log_p, sequence.subspan(1));
    return {};
  };
  BBZ_TRY(each_sequence(tokens, length, visit));
  finish(total);
  return total;
}

Result<Comparison> compare(const Model& first, const Model& second, Tokens tokens,
                           std::size_t length) {
  if (first.config().vocabulary != second.config().vocabulary) {
    return make_error(Code::kInvalidArgument,
                      "expected the same vocabulary in both models, found {} and {} tokens",
                      first.config().vocabulary, second.config().vocabulary);
  }
  Comparison total;
  const auto visit = [&](Tokens sequence) -> Status {
    BBZ_TRY(check_next(first, sequence));
    Matrix za, zb;
    BBZ_ASSIGN(const Matrix a, log_probabilities(first, sequence.first(length - 1), &za));
    BBZ_ASSIGN(const Matrix b, log_probabilities(second, sequence.first(length - 1), &zb));
    add(total.first, a, sequence.subspan(1));
    add(total.second, b, sequence.subspan(1));
    total.largest_logit_difference =
        std::max(total.largest_logit_difference, (za - zb).cwiseAbs().maxCoeff());
    total.mean_kl += (a.array().exp() * (a - b).array()).sum();
    return {};
  };
  BBZ_TRY(each_sequence(tokens, length, visit));
  if (total.first.tokens > 0) total.mean_kl /= static_cast<double>(total.first.tokens);
  finish(total.first);
  finish(total.second);
  return total;
}

}  // namespace bbz::forward
