// ByteRange: a range of bytes, and the joining of near ranges that are read together.
#pragma once

#include <algorithm>
#include <cstdint>

namespace bbz::io {

// The bytes [offset, offset + size) of a source. Precondition: offset + size fits into 64 bits.
struct ByteRange {
  std::uint64_t offset = 0;  // offset of the first byte
  std::uint64_t size = 0;    // number of bytes

  // Returns the offset after the last byte.
  constexpr std::uint64_t end() const { return offset + size; }
  // Compares offsets and sizes.
  bool operator==(const ByteRange&) const = default;
};

// The ranges that are near enough to be read as one.
struct Nearness {
  std::uint64_t gap = 0;                         // bytes between them, at most
  std::uint64_t most_bytes = ~std::uint64_t{0};  // of the joined range, with the gaps in it

  // Returns how many bytes of `next`, from its first on, can be read in one range with `range`, gap
  // included: all of them, or some if all would make more than most_bytes, or 0. Returns 0 if
  // `next` begins before the end of `range`.
  constexpr std::uint64_t joinable(const ByteRange& range, const ByteRange& next) const {
    if (next.offset < range.end() || next.offset - range.end() > gap) return 0;
    const std::uint64_t taken = next.offset - range.offset;
    return taken >= most_bytes ? 0 : std::min(next.size, most_bytes - taken);
  }
};

}  // namespace bbz::io
