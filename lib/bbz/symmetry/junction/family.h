// The model families whose junctions are known: one row each. A new family is a new row.
#pragma once

#include <span>
#include <string_view>

namespace bbz::junction {

// A stretch of the residual stream between two junctions: what reads the junction before it, what
// writes into the junction after it, and the shortcut past both. Names follow the layer's prefix.
struct SubBlock {
  std::string_view name;                     // for messages: "attention"
  std::span<const std::string_view> reads;   // input projections, without ".weight"
  std::span<const std::string_view> writes;  // output projections, without ".weight"
  std::string_view shortcut;                 // d_in x d_out, the residual's way past the sub-block
  std::string_view norm;  // the norm on the junction before it, without ".weight"
};

struct Family {
  std::string_view name;
  std::string_view layers;                       // what stands before the layer's number
  std::span<const std::string_view> embeddings;  // full names; the first is the token embedding
  std::span<const SubBlock> sub_blocks;          // of one layer, in residual order
  std::string_view final_norm;                   // full name, without ".weight"
  std::string_view head;                         // full name, without ".weight"
};

std::span<const Family> families();

}  // namespace bbz::junction
