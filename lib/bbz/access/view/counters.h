// Counters: the cost of reading through a view.
#pragma once

#include <cstdint>

namespace bbz::view {

// Counts what a view has done. A block is a chunk, a part of one, or all of a tensor that is
// derived as a whole.
struct Counters {
  std::uint64_t blocks_asked = 0;     // that reads asked for, counted once for each read
  std::uint64_t blocks_found = 0;     // of those asked for, decoded already
  std::uint64_t blocks_waited = 0;    // of those asked for, being decoded on another thread
  std::uint64_t blocks_decoded = 0;   // without error, for a read or ahead of one
  std::uint64_t blocks_ahead = 0;     // begun before a read asked for them, even if they failed
  std::uint64_t bytes_decoded = 0;    // in those blocks
  std::uint64_t bytes_kept = 0;       // now, with blocks that are being decoded or wait for it
  std::uint64_t most_bytes_kept = 0;  // the most that were kept when a decoding began
  std::uint64_t buffers_made = 0;  // for blocks; the others reused the buffer of an earlier block
};

}  // namespace bbz::view
