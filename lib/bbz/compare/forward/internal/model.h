// A plain forward pass of Llama and OPT, sliced, factored or neither, in double precision. It tells whether two
// sets of weights are the same model. Written to be read, not for serving.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/compare/forward/internal/config.h"
#include "bbz/compare/forward/internal/weights.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::forward {

// A model whose weights are in memory.
class Model {
 public:
  // Loads every float tensor with one or two axes, as double. Tensors that the pass does not use
  // are ignored. Each linear layer is a matrix, or a proven pair A B that stands for one, with the bias
  // of A. Errors: kMalformed, naming the tensor, if one is missing, is no float, has another number of
  // bytes or has a shape that does not fit its neighbours, or if there is both a matrix and a pair;
  // kUnsupported if a layer has an adapter (LoRA); the errors of `load`.
  static Result<Model> load(std::span<const TensorInfo> tensors, const Config& config,
                            const LoadTensor& load);

  // Returns the configuration that the model was loaded with.
  const Config& config() const { return config_; }

  // Returns the logits after each token of each sequence, as a matrix (tokens.size() x vocabulary).
  // Each sequence has `length` tokens, and sequences do not influence one another. Errors:
  // kInvalidArgument if the tokens do not fill whole sequences, if a token is not in the vocabulary
  // or if a sequence is longer than the position embedding.
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
  std::string trunk() const;
  std::string head() const;

  Config config_;
  Weights weights_;
};

}  // namespace bbz::forward
