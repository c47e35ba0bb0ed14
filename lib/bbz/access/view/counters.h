// Counters: what reading through a view has cost.
#pragma once

#include <cstdint>

namespace bbz::view {

// A block is a chunk or, of a tensor that is derived as a whole, all of it.
struct Counters {
  std::uint64_t blocks_asked = 0;   // that reads came to, one for each read
  std::uint64_t blocks_found = 0;   // of those asked, were there already
  std::uint64_t blocks_waited = 0;  // of those asked, were being decoded by another
  std::uint64_t blocks_decoded = 0;
  std::uint64_t blocks_ahead = 0;  // of those decoded, before a read came to them
  std::uint64_t bytes_decoded = 0;
  std::uint64_t bytes_kept = 0;  // now
  std::uint64_t most_bytes_kept = 0;
  std::uint64_t buffers_made = 0;  // for blocks; the others had the memory of one that had gone
};

}  // namespace bbz::view
