// The inner loops of the split-float codec. A kernel has fixed preconditions and cannot fail,
// because split_float.cc checks a payload before it calls the kernel, and the results afterwards.
// All kernels produce and accept the same bytes.
//
// The elements of a chunk form a grid of rows. A row is coded in steps of `lanes` elements; the
// last step may be shorter. In a step, lane i codes element i. Lanes 0-63 share stream 0, lanes
// 64-127 stream 1, and so on.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/codec/split/layout.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::split {

// The parameters of one row of the grid.
struct Row {
  std::uint16_t base = 0;   // key of symbol 0, before the column's shift is added
  std::uint16_t table = 0;  // index of the table of frequencies
};

// The arrangement of a chunk's elements in rows.
struct Grid {
  std::uint64_t elements = 0;
  std::uint32_t width = 1;  // elements in a whole row
  std::uint32_t first = 0;  // column of the first element, below `width`
  int lanes = 8;            // a power of two from 8 to 256

  // Returns the number of rows.
  std::uint64_t rows() const { return divide_up(first + elements, width); }
  // Returns the index of the first element of row r. row_end() returns that after the last one.
  // Only the first and the last row may be shorter than `width`.
  std::uint64_t row_begin(std::uint64_t r) const { return r == 0 ? 0 : r * width - first; }
  std::uint64_t row_end(std::uint64_t r) const {
    const std::uint64_t end = (r + 1) * width - first;
    return end < elements ? end : elements;
  }
};

// Returns the size of a chunk's packed bits in bytes. Precondition: the grid has elements.
inline std::uint64_t packed_total(const Layout& layout, const Grid& grid) {
  std::uint64_t total = 0;
  const std::uint64_t rows = grid.rows();
  for (const std::uint64_t r : {std::uint64_t{0}, rows - 1}) {
    total += layout.packed_size(grid.row_end(r) - grid.row_begin(r));
    if (rows == 1) return total;
  }
  return total + (rows - 2) * layout.packed_size(grid.width);
}

// The ANS state of each lane.
using States = std::array<std::uint16_t, 1 << kMaxLanesLog2>;

// The key of an element that an escape cannot express.
struct Patch {
  std::uint32_t element = 0;
  std::uint16_t key = 0;
};

// A range of input that is consumed from the front. Two bytes for each lane must be readable after
// its end.
struct Cursor {
  const std::uint8_t* at = nullptr;
  const std::uint8_t* end = nullptr;
};

// The input and output of Kernel::decode. The memory belongs to the caller.
struct DecodeJob {
  Layout layout;
  Grid grid;
  const DecodeTable* tables = nullptr;     // made by the kernel's make_table
  const Row* rows = nullptr;               // grid.rows() of them, each with a valid table
  const std::uint16_t* columns = nullptr;  // shifts of the keys, grid.width of them, or null
  const std::uint8_t* packed = nullptr;    // packed bits; each row begins at a whole byte
  const std::uint8_t* bytes = nullptr;     // whole bytes of the rests
  std::uint8_t* out = nullptr;             // room for grid.elements elements
  // Follows `out`, or null. A kernel advances it only if it hashes in its own loop. Otherwise
  // finish() hashes the whole chunk later, which is just as fast.
  Xxh3Follower* hash = nullptr;
  // The following members are read on entry and updated on return.
  alignas(64) States states{};  // each at least 256
  std::array<Cursor, kMaxStreams> streams;
  Cursor escapes;
  // Set if a cursor would pass its end. Decoding stops then, and `out` is unspecified.
  bool overrun = false;
};

// The input and output of Kernel::encode. The memory belongs to the caller.
struct EncodeJob {
  Layout layout;
  Grid grid;
  const EncodeTable* tables = nullptr;  // each escape has a slot
  const Row* rows = nullptr;
  const std::uint16_t* columns = nullptr;
  const std::uint8_t* in = nullptr;
  std::uint8_t* packed = nullptr;
  std::uint8_t* bytes = nullptr;
  // Encoding runs from the last element to the first. So these pointers are the ends of their
  // buffers, which are written downwards, and each has room for one byte an element and 64 more.
  States states{};  // 256 on entry
  std::array<std::uint8_t*, kMaxStreams> streams{};
  std::uint8_t* escapes = nullptr;
  std::vector<Patch>* patches = nullptr;  // patches are appended, the last element first
};

// The loops of one instruction set. Besides the layouts of dtypes, all support kByteLayout, for
// which they do not access packed bits and bytes; the pointers to these must still be valid.
struct Kernel {
  std::string_view name;
  // Returns whether decode and encode support this layout and grid. The portable kernel supports
  // all.
  bool (*takes)(const Layout& layout, const Grid& grid);
  // Fills those members of `table` that this kernel's decode reads. See make_decode_table().
  void (*make_table)(const Frequencies& frequencies, DecodeTable& table);
  // Decodes all elements of a chunk. Precondition: takes().
  void (*decode)(DecodeJob& job);
  // Encodes all elements of a chunk. Precondition: takes().
  void (*encode)(EncodeJob& job);
};

// Returns the kernels that this machine can run, the fastest first and the portable one last.
const std::vector<const Kernel*>& kernels();

// Returns whether this machine can run what is compiled for the features of avx2/avx2.h.
bool has_avx2();
// Returns whether this machine can run what is compiled for the features of avx512/avx512.h.
bool has_avx512();

// The kernel for every machine, layout and grid.
extern const Kernel kPortableKernel;

}  // namespace bbz::codec::split
