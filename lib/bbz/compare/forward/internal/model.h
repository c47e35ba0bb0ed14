// A plain forward pass of Llama and OPT, sliced or not, in double: to see whether two sets of
// weights are the same model. Written to be read; not for serving.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/compare/forward/internal/config.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::forward {

using junction::Load;

class Model {
 public:
  // Loads every tensor that the pass uses, as double. Tensors that it does not know are ignored.
  // Errors: kMalformed for a tensor that is missing, is no float or has a shape that does not fit
  // its neighbours, naming it; whatever load returns.
  static Result<Model> load(std::span<const TensorInfo> tensors, const Config& config,
                            const Load& load);

  const Config& config() const { return config_; }

  // The logits after each token of each sequence, one row a token: (tokens.size() x vocabulary).
  // Sequences are `length` tokens each and do not see one another.
  // Errors: kInvalidArgument where tokens do not fill whole sequences, a token is not in the
  // vocabulary or a sequence is longer than the position embedding.
  Result<linalg::Matrix> logits(std::span<const std::uint32_t> tokens, std::size_t length) const;

 private:
  linalg::Matrix embed(std::span<const std::uint32_t> tokens, std::size_t length) const;
  linalg::Matrix norm(const linalg::Matrix& x, const std::string& name) const;
  linalg::Matrix linear(const linalg::Matrix& x, const std::string& name) const;
  linalg::Matrix attention(const linalg::Matrix& h, const std::string& layer,
                           std::size_t length) const;
  linalg::Matrix mlp(const linalg::Matrix& h, const std::string& layer) const;
  void step(linalg::Matrix& x, const std::string& shortcut, const linalg::Matrix& output) const;
  Status check_shapes() const;

  const linalg::Matrix* find(const std::string& name) const;
  const linalg::Matrix& get(const std::string& name) const;

  Config config_;
  std::map<std::string, linalg::Matrix> weights_;  // vectors as one row
};

}  // namespace bbz::forward
