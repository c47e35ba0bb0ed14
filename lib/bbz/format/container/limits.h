// Limits on the sizes and counts that an archive declares. format-spec/limits.md gives the defaults
// and the attacks that they stop.
#pragma once

#include <cstdint>

namespace bbz {

// Bounds the resources that an archive can claim. A reader compares each declared size with its
// limit before it allocates or acts on it, and fails with kLimit if the size is larger.
struct Limits {
  std::uint64_t index_bytes = std::uint64_t{256} << 20;    // payload of the index, and its list
  std::uint64_t chunk_bytes = std::uint64_t{64} << 20;     // one chunk, decoded
  std::uint64_t metadata_bytes = std::uint64_t{16} << 20;  // one metadata value
  std::uint64_t group_bytes = std::uint64_t{1} << 30;      // payload of one group
  std::uint64_t name_bytes = 4096;                         // a path or a tensor name
  std::uint64_t rank = 64;                                 // axes of a tensor
  std::uint64_t files = 1'000'000;                         // directories included
  std::uint64_t tensors = 1'000'000;                       // operands and plain bytes included
  std::uint64_t chunks = 1'000'000'000;                    // of all tensors together
  std::uint64_t unpacked_bytes = std::uint64_t{1} << 50;   // all files together
};

}  // namespace bbz
