// The inner loops of the difference codec for floats, apart from its entropy coder, which is that of
// codec/split. A kernel has fixed preconditions and cannot fail. All kernels produce and accept the
// same bytes.
#pragma once

#include <string_view>
#include <vector>

#include "bbz/codec/difference/layout.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::difference {

// The number of bytes around a run of symbols that a kernel may access.
inline constexpr std::size_t kSlack = 64;

// The number of a block's elements for each live table. It is 0 for other tables.
using Counts = std::array<std::uint32_t, kMaxTables>;

// The input and output of Kernel::merge. The memory belongs to the caller.
struct MergeJob {
  const Classes* classes = nullptr;
  std::uint64_t elements = 0;   // at most kBlock
  std::uint8_t* out = nullptr;  // the base's elements on entry
  // For each live table, the symbols of its elements; updated. `elements` and kSlack bytes are
  // readable there, though there should be fewer symbols.
  std::array<const std::uint8_t*, kMaxTables> symbols{};
  const std::uint8_t* low = nullptr;  // lower bits of the chunk, from its first element on
  std::uint64_t low_end = 0;          // their number
  std::uint64_t low_at = 0;           // number of those that were used; updated
  split::Cursor wholes;               // elements that are stored whole; updated
  // Set if there are too few lower bits or whole elements. `out` is unspecified then.
  bool overrun = false;
};

// The input and output of Kernel::split. The memory belongs to the caller.
struct SplitJob {
  const Classes* classes = nullptr;
  std::uint64_t elements = 0;  // at most kBlock
  const std::uint8_t* in = nullptr;
  const std::uint8_t* base = nullptr;
  std::uint32_t place = 0;  // of the first element in its chunk
  // Where to write the symbols of the elements of each table. kSlack bytes are writable after them.
  std::array<std::uint8_t*, kMaxTables> symbols{};
  // Where to write lower bits. The bits that fill no byte yet are in `pending`, from its lowest bit
  // up. Up to kSlack bytes after them may be overwritten. All three are updated.
  std::uint8_t* low = nullptr;
  std::uint64_t pending = 0;
  int filled = 0;  // below 8
  // The places of elements of live tables that are stored whole, and those of elements of other
  // tables that changed, are appended in ascending order.
  std::vector<std::uint32_t>* wholes = nullptr;
  std::vector<std::uint32_t>* patches = nullptr;
};

// The loops of one instruction set.
struct Kernel {
  std::string_view name;
  // Counts the elements of a block for each live table.
  void (*count)(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                Counts& counts);
  // Turns the elements of the base into those of the chunk, but for patches.
  void (*merge)(MergeJob& job);
  // Finds the symbols and the lower bits of a block.
  void (*split)(SplitJob& job);
};

// Returns the kernels that this machine can run, the fastest first and the portable one last.
const std::vector<const Kernel*>& kernels();

// The kernel for every machine.
extern const Kernel kPortableKernel;

}  // namespace bbz::codec::difference
