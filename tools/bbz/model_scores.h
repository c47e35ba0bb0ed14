// Runs models on tokens, for commands that compare what they predict.
#pragma once

#include <string>
#include <vector>

#include "bbz/access/model/model.h"
#include "bbz/compare/forward/score.h"
#include "common/options.h"

namespace bbz::tools {

// The values of the options.
struct ScoreArguments {
  std::string tokens;        // the file of token ids; empty: no model is run
  std::uint64_t length = 0;  // tokens of a sequence
  std::uint64_t rows = 0;    // sequences to run at most; 0: all
  forward::Hints hints;

  // Checks that the options fit together. Errors: kInvalidArgument.
  Status check() const;
};

// Adds --tokens, with this help, --length, --rows, --heads, --kv-heads, --hidden and --rotary-base.
void add_score_options(Options& options, ScoreArguments& arguments, const std::string& meaning);

// Reads the token ids of --tokens. Errors: kInvalidArgument if they are not whole sequences; those of
// reading.
Result<std::vector<std::uint32_t>> read_tokens(const ScoreArguments& arguments);

// Runs two models on the same tokens. What the options do not say of them comes from the configuration
// of `first` or, if it has none, of `second`. Errors: those of reading the models and of running them.
Result<forward::Comparison> compare_scores(const model::Model& first, const model::Model& second,
                                           const ScoreArguments& arguments,
                                           const std::vector<std::uint32_t>& tokens);

// Runs one model on tokens, in the same way.
Result<forward::Score> score_of(const model::Model& model, const ScoreArguments& arguments,
                                const std::vector<std::uint32_t>& tokens);

}  // namespace bbz::tools
