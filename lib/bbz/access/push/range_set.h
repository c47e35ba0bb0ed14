// RangeSet: which bytes of a long row are there.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace bbz::push {

// Bytes [begin, end).
struct Interval {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
  friend bool operator==(const Interval&, const Interval&) = default;
};

// A set of bytes as the fewest ranges that make it up. Each operation takes time logarithmic in
// their number, and linear in how many of them it joins or gives back.
class RangeSet {
 public:
  void add(Interval range);
  void remove(Interval range);

  // Whether every byte of `range` is in the set; an empty range is.
  bool covers(Interval range) const;
  // The parts of `range` that are not in the set, in order; at most `most` of them.
  std::vector<Interval> missing(Interval range, std::size_t most = SIZE_MAX) const;
  // The first byte at or after `from` that is not in the set.
  std::uint64_t first_missing(std::uint64_t from) const;

  std::vector<Interval> ranges() const;
  std::size_t count() const { return ranges_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  // The end of the last range; 0 where there is none.
  std::uint64_t end() const { return ranges_.empty() ? 0 : ranges_.rbegin()->second; }

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // end by begin; none touches another
  std::uint64_t bytes_ = 0;
};

}  // namespace bbz::push
