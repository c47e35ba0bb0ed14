// The inner loops of the split-float codec. A kernel has fixed preconditions and cannot fail: the
// binding (split_float.cc) checks a payload before it calls one and judges what is left afterwards.
// All kernels produce and accept the same bytes.
//
// The elements of a chunk lie on a grid of rows. A row is coded in steps of `lanes` elements, the
// last of them perhaps shorter; in a step, lane i codes element i. Lanes 0-63 share stream 0, lanes
// 64-127 stream 1, and so on.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/codec/split/layout.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::split {

// What one row of the grid is coded with.
struct Row {
  std::uint16_t base = 0;  // the key of symbol 0, before the column's shift
  std::uint16_t table = 0;
};

// Where the elements of a chunk lie.
struct Grid {
  std::uint64_t elements = 0;
  std::uint32_t width = 1;
  std::uint32_t first = 0;  // < width
  int lanes = 8;            // a power of two from 8 to 256

  std::uint64_t rows() const { return divide_up(first + elements, width); }
  // The elements of row r: all of the width but for the ends of the chunk.
  std::uint64_t row_begin(std::uint64_t r) const { return r == 0 ? 0 : r * width - first; }
  std::uint64_t row_end(std::uint64_t r) const {
    const std::uint64_t end = (r + 1) * width - first;
    return end < elements ? end : elements;
  }
};

// Bytes of the packed bits of a chunk.
inline std::uint64_t packed_total(const Layout& layout, const Grid& grid) {
  std::uint64_t total = 0;
  const std::uint64_t rows = grid.rows();
  for (const std::uint64_t r : {std::uint64_t{0}, rows - 1}) {
    total += layout.packed_size(grid.row_end(r) - grid.row_begin(r));
    if (rows == 1) return total;
  }
  return total + (rows - 2) * layout.packed_size(grid.width);
}

using States = std::array<std::uint16_t, 1 << kMaxLanesLog2>;

// An element whose key an escape cannot express.
struct Patch {
  std::uint32_t element = 0;
  std::uint16_t key = 0;
};

// A range of input that is consumed from the front. Two bytes a lane can be read past the end.
struct Cursor {
  const std::uint8_t* at = nullptr;
  const std::uint8_t* end = nullptr;
};

struct DecodeJob {
  Layout layout;
  Grid grid;
  const DecodeTable* tables = nullptr;     // of the kernel's make_table
  const Row* rows = nullptr;               // grid.rows(), each table valid
  const std::uint16_t* columns = nullptr;  // grid.width shifts of the key, or nullptr for none
  const std::uint8_t* packed = nullptr;    // each row begins at a byte
  const std::uint8_t* bytes = nullptr;
  std::uint8_t* out = nullptr;  // grid.elements elements
  // Of them, or nullptr. A kernel advances it where that is faster than a pass over the whole
  // chunk, which finish() makes otherwise: where it hashes in its own loop.
  Xxh3Follower* hash = nullptr;
  // Taken on entry and left behind on return.
  alignas(64) States states{};  // each at least 256
  std::array<Cursor, kMaxStreams> streams;
  Cursor escapes;
  // Set when a cursor would pass its end; decoding stops there and `out` is unspecified.
  bool overrun = false;
};

struct EncodeJob {
  Layout layout;
  Grid grid;
  const EncodeTable* tables = nullptr;  // the escape of each has a slot
  const Row* rows = nullptr;
  const std::uint16_t* columns = nullptr;
  const std::uint8_t* in = nullptr;
  std::uint8_t* packed = nullptr;
  std::uint8_t* bytes = nullptr;
  // Coding runs from the last element to the first, so these are written downwards; each has room
  // for one byte an element and 64 more.
  States states{};  // 256 on entry
  std::array<std::uint8_t*, kMaxStreams> streams{};
  std::uint8_t* escapes = nullptr;
  std::vector<Patch>* patches = nullptr;  // appended, last element first
};

// The loops of one instruction set.
struct Kernel {
  std::string_view name;
  // Whether decode and encode take such a layout and grid; the portable kernel takes all.
  bool (*takes)(const Layout& layout, const Grid& grid);
  // As make_decode_table, but that only what its own decode looks at is made.
  void (*make_table)(const Frequencies& frequencies, DecodeTable& table);
  void (*decode)(DecodeJob& job);
  void (*encode)(EncodeJob& job);
};

// The kernels that this machine can run, the fastest first and the portable one last.
const std::vector<const Kernel*>& kernels();

extern const Kernel kPortableKernel;

}  // namespace bbz::codec::split
