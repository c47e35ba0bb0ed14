// Junctions: the points of a sliced model's residual stream where a rotation may be inserted.
//
// At a junction of width d any U in O(d) changes the tensors that touch it and not the function of
// the model, because RMSNorm without weights commutes with rotations (Ashkboos et al., SliceGPT,
// arXiv 2401.15024). detect() finds them from names and shapes alone and proves each one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/tensor_info.h"

namespace bbz::junction {

// Returns the bytes of a tensor, known by its index in a list of TensorInfo: row-major, each
// element little-endian, as many as type and shape say. A function that takes a Load calls it on
// the thread that it was called on and one call at a time, in any order and more than once for a
// tensor if it needs to, and owns what it gets; it returns an error of Load as its own, unchanged.
using Load = std::function<Result<std::vector<std::byte>>(std::size_t tensor)>;

// How U acts on a tensor of the junction. The numbers stand in the format.
enum class Role : std::uint8_t {
  kReads = 1,        // input projection after the junction: W U
  kWrites = 2,       // output projection before it: U^T W
  kBias = 3,         // its bias: U^T b
  kShortcutIn = 4,   // shortcut that enters the junction: S U
  kShortcutOut = 5,  // shortcut that leaves it: U^T S
  kEmbedding = 6,    // token or position embedding: E U
  kHead = 7,         // output head: W U
};

// "reads", "writes", "bias", "shortcut in", "shortcut out", "embedding", "head".
std::string_view role_name(Role role);

// The axis of the tensor that has the junction's width: 1 (columns) where U acts from the right,
// 0 (rows, or the elements of a bias) where its transpose acts from the left.
int role_axis(Role role);

// The widest junction that is rotated: what bounds the memory of whoever decodes one.
inline constexpr std::uint64_t kMaxWidth = 32768;

struct Member {
  std::size_t tensor = 0;  // index into the list given to detect()
  Role role{};
  friend bool operator==(const Member&, const Member&) = default;
};

struct Junction {
  std::string name;         // "layer 3 mlp", "head"
  std::uint32_t block = 0;  // the layer that reads it; the number of layers for the head's
  std::uint64_t width = 0;  // d; 0 where refused
  // The shortcut or embeddings that enter first, then projections that write, then what leaves:
  // shortcut out, reads, head. Empty where refused.
  std::vector<Member> members;
  std::string refusal;  // why it is no junction, in a sentence; empty where proven

  bool proven() const { return refusal.empty(); }
  // The first member of a role, or nullptr.
  const Member* find(Role role) const;
};

struct Detection {
  std::string_view family;  // empty where no family fits
  std::uint32_t layers = 0;
  std::vector<Junction> junctions;  // in residual order, proven and refused
  std::string refusal;              // why there is nothing to rotate; empty if any is proven
};

// Finds the junctions of a model. Never fails: what cannot be proven is refused with a reason, and
// is to be left to the exact coder. A junction is proven when
//   - every tensor that its family's row names is there, of a floating-point type of 16, 32 or 64
//     bits, a matrix (or, a bias, a vector), with the same width along its junction axis;
//   - its shortcuts are there, and the head has a matrix of its own (is not tied);
//   - no norm weight or bias sits on it;
//   - no tensor that the row does not name could touch it: none in its layers (and none outside the
//     layers) has an extent equal to its width, except the biases of input projections and of the
//     head, which do not see the rotation.
// Cost: O(n log n) in the number of tensors.
Detection detect(std::span<const TensorInfo> tensors);

}  // namespace bbz::junction
