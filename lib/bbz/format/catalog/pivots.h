// Pivots: the rows or columns of a matrix that are those of an identity, and are not stored.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bbz/base/checked.h"

namespace bbz::catalog {

// The lines of a matrix, its rows or its columns, that a tensor of form pivot does not store: the k-th
// of them, counted from 0, is 1 at index k and 0 elsewhere. Takes twice the bytes of the bitmap that
// is in the record. Immutable.
class Pivots {
 public:
  // Marks lines of `axis` (0: rows, 1: columns) by a bitmap of any size: line i is a pivot if bit i % 8
  // of byte i / 8 is set.
  Pivots(unsigned axis, Bytes bitmap);
  // Marks these lines of `extent`. Precondition: they ascend, and all are below `extent`.
  Pivots(unsigned axis, std::uint64_t extent, std::span<const std::uint32_t> lines);

  // Returns the axis of the shape along which the pivots are: 0 for rows, 1 for columns.
  unsigned axis() const { return axis_; }
  // Returns the number of pivots.
  std::uint64_t count() const { return before_.back(); }
  // Returns the bytes of the bitmap.
  std::uint64_t bitmap_bytes() const { return bitmap_bytes_; }

  // Returns the number of pivots below `line`, which may be beyond the bitmap.
  std::uint64_t before(std::uint64_t line) const;
  // Returns whether `line`, which may be beyond the bitmap, is a pivot.
  bool contains(std::uint64_t line) const { return (word(line / 64) >> (line % 64) & 1) != 0; }
  // Returns the line of the `index`-th that is not a pivot, counted from 0. Lines beyond the bitmap are
  // none. Takes time in proportion to the logarithm of the bitmap.
  std::uint64_t stored_line(std::uint64_t index) const;
  // Returns the `index`-th pivot, counted from 0, in the same time. Precondition: index < count().
  std::uint64_t line(std::uint64_t index) const;
  // Returns the first pivot from `line` on, or `end` if there is none below that.
  std::uint64_t next(std::uint64_t line, std::uint64_t end) const;
  // Returns the bits of lines 64 * index to 64 * index + 63, from the lowest: 0 beyond the bitmap.
  std::uint64_t word(std::uint64_t index) const {
    return index < words_.size() ? words_[index] : 0;
  }
  // Returns the pivots in ascending order.
  std::vector<std::uint32_t> lines() const;
  // Appends the bitmap to `out`.
  void append_bitmap(std::vector<std::byte>& out) const;

  friend bool operator==(const Pivots&, const Pivots&) = default;

 private:
  void count_words();

  unsigned axis_ = 0;
  std::uint64_t bitmap_bytes_ = 0;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> before_;  // pivots in the words before each word, and at last in all
};

}  // namespace bbz::catalog
