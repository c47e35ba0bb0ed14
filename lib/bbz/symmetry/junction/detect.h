// Junctions: the points of a sliced model's residual stream at which a rotation can be inserted.
//
// At a junction of width d, any U in O(d) changes the tensors that touch it but not the function of
// the model, because RMSNorm without weights commutes with rotations (Ashkboos et al., SliceGPT,
// arXiv 2401.15024). detect() finds junctions from names and shapes alone, and proves each one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/tensor_info.h"

namespace bbz::junction {

// How the rotation U of a junction acts on one of its tensors. The format stores role_name(); the
// numbers are not part of it.
enum class Role : std::uint8_t {
  kReads = 1,        // input projection after the junction: W U
  kWrites = 2,       // output projection before it: U^T W
  kBias = 3,         // its bias: U^T b
  kShortcutIn = 4,   // shortcut that enters the junction: S U
  kShortcutOut = 5,  // shortcut that leaves it: U^T S
  kEmbedding = 6,    // token or position embedding: E U
  kHead = 7,         // output head: W U
};

// Returns "reads", "writes", "bias", "shortcut in", "shortcut out", "embedding" or "head".
std::string_view role_name(Role role);

// Returns the axis of the tensor that has the junction's width: 1 (columns) if U acts from the
// right, 0 (rows, or the elements of a bias) if its transpose acts from the left.
int role_axis(Role role);

// The widest junction that is rotated, which bounds the memory of decoders.
inline constexpr std::uint64_t kMaxWidth = 32768;

// A tensor that touches a junction.
struct Member {
  std::size_t tensor = 0;  // index into the list given to detect()
  Role role{};
  friend bool operator==(const Member&, const Member&) = default;
};

// A junction, proven or refused.
struct Junction {
  std::string name;         // "layer 3 mlp", "head"
  std::uint32_t block = 0;  // the layer that reads it; the number of layers if the head does
  std::uint64_t width = 0;  // d; 0 if refused
  // The shortcut or embeddings that enter, then the projections that write, then the tensors that
  // leave: shortcut out, reads, head. Empty if refused.
  std::vector<Member> members;
  std::string refusal;  // why it is not proven, in a sentence; else empty

  // Returns whether the junction may be rotated.
  bool proven() const { return refusal.empty(); }
  // Returns the first member with a role, or nullptr.
  const Member* find(Role role) const;
};

// The junctions of a model.
struct Detection {
  std::string_view family;  // empty if no family fits
  // What stands before the family's own names: "module." if one is "module.model.layers.0.attn_shortcut_Q".
  std::string prefix;
  std::uint32_t layers = 0;
  std::vector<Junction> junctions;  // in residual order, proven and refused
  std::string refusal;              // why there is nothing to rotate; empty if any is proven
};

// Finds the junctions of a model. Never fails: a junction that cannot be proven is refused with a
// reason, and its tensors have to be stored exactly. A junction is proven if
//   - every tensor that its family's row names exists, is a matrix (a bias: a vector) of F16, BF16,
//     F32 or F64, and has the same width along its junction axis, at most kMaxWidth;
//   - its shortcuts exist, and the head has its own matrix (is not tied);
//   - it has no norm weight or bias;
//   - no tensor that the row does not name could touch it: none in its layers, and none outside
//     the layers, has an extent equal to its width. Biases of input projections and of the head
//     are exempt, because the rotation does not affect them.
// The family's names may follow a prefix that ends in '.', the same in all of them, which is what the
// names of its layers have before them: "module.", "_orig_mod.", "model.". Layers of a family after two
// prefixes, or of two families, are two models, and nothing is rotated.
//
// Takes O(n log n) time for n tensors.
Detection detect(std::span<const TensorInfo> tensors);

}  // namespace bbz::junction
