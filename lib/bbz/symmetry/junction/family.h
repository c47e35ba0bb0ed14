// The model families whose junctions are known, one row each: a new family is a new row.
#pragma once

#include <span>
#include <string_view>

namespace bbz::junction {

// The tensors between two junctions: those that read the junction before, those that write the
// junction after, and the shortcut past both. Names follow the layer's prefix.
struct SubBlock {
  std::string_view name;                     // for messages: "attention"
  std::span<const std::string_view> reads;   // input projections, without ".weight"
  std::span<const std::string_view> writes;  // output projections, without ".weight"
  std::string_view shortcut;                 // d_in x d_out, on the residual connection
  std::string_view norm;  // the norm on the junction before it, without ".weight"
};

// The names of a family's tensors.
struct Family {
  std::string_view name;
  std::string_view layers;                       // the prefix before the layer's number
  std::span<const std::string_view> embeddings;  // full names; the first is the token embedding
  std::span<const SubBlock> sub_blocks;          // of one layer, in residual order
  std::string_view final_norm;                   // full name, without ".weight"
  std::string_view head;                         // full name, without ".weight"
};

// Returns all families.
std::span<const Family> families();

}  // namespace bbz::junction
