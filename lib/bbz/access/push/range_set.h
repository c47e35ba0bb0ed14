// RangeSet: the set of bytes that are there, of a long sequence.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace bbz::push {

// Bytes [begin, end).
struct Interval {
  std::uint64_t begin = 0;  // offset of the first byte
  std::uint64_t end = 0;    // offset after the last byte

  // Returns the number of bytes. Precondition: begin <= end.
  std::uint64_t size() const { return end - begin; }
  // Returns whether there are no bytes.
  bool empty() const { return begin >= end; }
  // Returns whether begin and end are equal; empty intervals may differ.
  friend bool operator==(const Interval&, const Interval&) = default;
};

// A set of bytes, kept as the fewest ranges that make it up. Each operation takes time logarithmic
// in their number, and linear in the number of ranges that it joins or returns.
class RangeSet {
 public:
  // Adds a range; an empty one changes nothing.
  void add(Interval range);
  // Removes a range, whether it was in the set or not.
  void remove(Interval range);

  // Returns whether every byte of `range` is in the set; true for an empty range.
  bool covers(Interval range) const;
  // Returns the parts of `range` that are not in the set, in order; at most `most` of them.
  std::vector<Interval> missing(Interval range, std::size_t most = SIZE_MAX) const;
  // Returns the first byte at or after `from` that is not in the set.
  std::uint64_t first_missing(std::uint64_t from) const;

  // Returns the ranges, in order; none touches another.
  std::vector<Interval> ranges() const;
  // Returns the number of ranges.
  std::size_t count() const { return ranges_.size(); }
  // Returns the number of bytes in the set.
  std::uint64_t bytes() const { return bytes_; }
  // Returns the end of the last range; 0 if there is none.
  std::uint64_t end() const { return ranges_.empty() ? 0 : ranges_.rbegin()->second; }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // end by begin; none touches another
  std::uint64_t bytes_ = 0;
};

}  // namespace bbz::push
