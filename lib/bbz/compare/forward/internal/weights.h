// The weights of a model in memory, and its linear layers, whether a matrix or a low-rank pair.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/tensor_info.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::forward {

// A linear layer, y = W x + bias, with W = A or W = A B. Points into the Weights that it is from.
struct Linear {
  const linalg::Matrix* a = nullptr;     // out x in, or out x r
  const linalg::Matrix* b = nullptr;     // r x in, or nullptr
  const linalg::Matrix* bias = nullptr;  // nullptr if there is none
  std::string bias_name;

  linalg::Index out() const { return a->rows(); }
  linalg::Index in() const { return b == nullptr ? a->cols() : b->cols(); }
};

// Returns the tensors, and the matrix for each name for which a proven pair stands and which no tensor
// has: what the model would be like if its pairs were multiplied out. Such a matrix has A's type.
std::vector<TensorInfo> with_products(std::span<const TensorInfo> tensors);

// Returns why the pair that would stand for a matrix is refused; empty if there is no such pair.
std::string refusal_of(std::span<const TensorInfo> tensors, std::string_view matrix);

// Float tensors with one or two axes, in double.
class Weights {
 public:
  // Loads them. Errors: kMalformed, naming the tensor, if one has another number of bytes than it
  // should; the errors of `load`.
  static Result<Weights> load(std::span<const TensorInfo> tensors, const LoadTensor& load);

  // Returns a weight, a vector as a matrix of one row, or nullptr if there is none.
  const linalg::Matrix* find(const std::string& name) const;
  // Returns a weight. Precondition: there is one.
  const linalg::Matrix& get(const std::string& name) const;

  // Returns whether there is a matrix, a pair or an adapter for this layer, such as "lm_head".
  bool has_linear(const std::string& name) const;
  // Returns a layer. Errors: kMalformed if there is none, which says why a pair is refused, or both a
  // matrix and a pair; kUnsupported if a pair is added to it (an adapter), because its scale is not in
  // the tensors.
  Result<Linear> linear(const std::string& name) const;

 private:
  // The names of a pair's tensors, or why it is refused.
  struct Factors {
    std::string a, b, bias;
    std::string refusal;
  };
  void note_pairs(std::span<const TensorInfo> tensors);

  std::map<std::string, linalg::Matrix> weights_;
  std::map<std::string, Factors> factored_;   // by the name of the matrix for which the pair stands
  std::map<std::string, std::string> added_;  // the A of the pair that is added, by layer
};

}  // namespace bbz::forward
