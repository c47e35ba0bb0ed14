#include "bbz/access/push/range_set.h"

#include <algorithm>
#include <iterator>

namespace bbz::push {

void RangeSet::add(Interval range) {
  if (range.empty()) return;
  // Find the first range that ends at or after the new one's begin.
  auto at = ranges_.upper_bound(range.begin);
  if (at != ranges_.begin() && std::prev(at)->second >= range.begin) --at;
  while (at != ranges_.end() && at->first <= range.end) {
    range.begin = std::min(range.begin, at->first);
    range.end = std::max(range.end, at->second);
    bytes_ -= at->second - at->first;
    at = ranges_.erase(at);
  }
  ranges_.emplace_hint(at, range.begin, range.end);
  bytes_ += range.size();
}

void RangeSet::remove(Interval range) {
  if (range.empty()) return;
  auto at = ranges_.upper_bound(range.begin);
  if (at != ranges_.begin() && std::prev(at)->second > range.begin) --at;
  while (at != ranges_.end() && at->first < range.end) {
    const Interval old{at->first, at->second};
    bytes_ -= old.size();
    at = ranges_.erase(at);
    if (old.begin < range.begin) {
      ranges_.emplace_hint(at, old.begin, range.begin);
      bytes_ += range.begin - old.begin;
    }
    if (old.end > range.end) {
      at = ranges_.emplace_hint(at, range.end, old.end);
      bytes_ += old.end - range.end;
    }
  }
}

bool RangeSet::covers(Interval range) const {
  if (range.empty()) return true;
  const auto after = ranges_.upper_bound(range.begin);
  return after != ranges_.begin() && std::prev(after)->second >= range.end;
}

std::vector<Interval> RangeSet::missing(Interval range, std::size_t most) const {
  std::vector<Interval> found;
  std::uint64_t cursor = range.begin;
  while (cursor < range.end && found.size() < most) {
    cursor = first_missing(cursor);
    if (cursor >= range.end) break;
    const auto next = ranges_.upper_bound(cursor);
    const std::uint64_t end = next == ranges_.end() ? range.end : std::min(range.end, next->first);
    found.push_back({cursor, end});
    cursor = end;
  }
  return found;
}

std::uint64_t RangeSet::first_missing(std::uint64_t from) const {
  const auto after = ranges_.upper_bound(from);
  if (after == ranges_.begin()) return from;
  return std::max(from, std::prev(after)->second);
}

std::vector<Interval> RangeSet::ranges() const {
  std::vector<Interval> all;
  all.reserve(ranges_.size());
  for (const auto& [begin, end] : ranges_) all.push_back({begin, end});
  return all;
}

}  // namespace bbz::push
