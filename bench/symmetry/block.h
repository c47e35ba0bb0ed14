// The cost of the symmetry coder on one block (layer) of a sliced model: time and memory of packing
// and of decoding, beside the matrix products that rotating it takes.
#pragma once

#include "symmetry/measure.h"

namespace bbz::bench {

struct BlockOptions {
  std::uint64_t hidden = 4096;
  std::uint64_t width = 3272;  // of every junction, the last too
  std::uint64_t inner = 11008;
  std::uint64_t heads = 32;
  int repeat = 7;          // rounds of decoding both archives; medians are shown
  bool bits_back = false;  // as well; takes minutes
  std::string folder = "/tmp";
};

// Prints the table. Returns false if something could not be packed or decoded.
bool print_block(const BlockOptions& options);

}  // namespace bbz::bench
