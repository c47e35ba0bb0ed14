// Models made up for tests and benchmarks: plain and sliced, of any known family and size.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bbz/symmetry/junction/detect.h"
#include "bbz/symmetry/linalg/matrix.h"

namespace bbz::test_models {

struct Spec {
  std::string family = "llama";  // as junction::families() names it
  std::uint32_t layers = 2;
  std::uint64_t hidden = 64;          // D, before slicing
  std::vector<std::uint64_t> widths;  // of each junction; the last repeats; empty: all D
  bool sliced_head = false;           // false: the last junction has width D, whatever widths says
  std::uint64_t heads = 4;
  std::uint64_t kv_heads = 4;
  std::uint64_t head_size = 0;  // 0: hidden / heads
  std::uint64_t inner = 128;    // the mlp's width
  std::uint64_t vocabulary = 96;
  std::uint64_t positions = 34;  // rows of a position embedding
  DType dtype = DType::kF16;
  std::uint64_t seed = 1;
};

struct Model {
  std::vector<TensorInfo> infos;
  std::vector<std::vector<std::byte>> bytes;  // as infos

  const std::vector<std::byte>& get(std::string_view name) const;
  std::size_t find(std::string_view name) const;  // infos.size() if there is none
};

// A tensor in double: a matrix as it is shaped, a vector as a column.
linalg::Matrix matrix(const Model& model, std::size_t tensor);

// The tensors of a sliced model in the order of the family's layers: embeddings, layers, head.
std::vector<TensorInfo> sliced_infos(const Spec& spec);

// A sliced model made by slicing, as SliceGPT does it: random weights of hidden size D with every
// norm fused; at each junction the principal components of the normalised residual over random
// tokens; the first of them kept. (Attention weights are taken as uniform over the past, which is
// enough for residuals with a structure.) In double until the end; for small sizes.
Model sliced_model(const Spec& spec);

// A sliced model of any size, one tensor at a time: Gaussian weights with row scales as of trained
// models (each row a stretch of the same million numbers, scaled), shortcuts that are slices of
// random orthogonal matrices of size D (one such matrix, its rows and columns shuffled and their
// signs flipped anew for each shortcut).
class LargeModel {
 public:
  explicit LargeModel(Spec spec);
  ~LargeModel();
  LargeModel(LargeModel&&) noexcept;

  const std::vector<TensorInfo>& infos() const { return infos_; }
  // The bytes of one tensor, the same at every call.
  std::vector<std::byte> make(std::size_t tensor) const;

 private:
  Spec spec_;
  std::vector<TensorInfo> infos_;
  std::vector<double> gaussian_;
  mutable linalg::Matrix orthogonal_;  // made when first needed
};

// A Llama as it comes from training, with norms and without shortcuts; weights are Gaussian with
// row scales of 0.02 exp(0.3 z), norms 1 + 0.1 z. spec.widths is not used.
Model plain_llama(const Spec& spec);

// An OPT as it comes from training, with LayerNorms and biases.
Model plain_opt(const Spec& spec);

// A plain_llama() or plain_opt() with its norms fused and a random rotation of full width at every
// junction: the same function in the form of a sliced model, without loss. Best in F64.
Model rotate_exactly(const Model& plain, const Spec& spec);

// A seed for one tensor of a model.
std::uint64_t seed_of(std::uint64_t seed, std::string_view name);

// rows x cols Gaussian, row i scaled by scale * exp(0.3 z_i), stored as the dtype.
std::vector<std::byte> random_weights(std::uint64_t rows, std::uint64_t cols, double scale,
                                      DType dtype, std::uint64_t seed);

}  // namespace bbz::test_models
