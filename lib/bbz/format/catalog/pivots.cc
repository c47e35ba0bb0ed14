#include "bbz/format/catalog/pivots.h"

#include <algorithm>
#include <bit>

namespace bbz::catalog {
namespace {

// Returns the place of the `index`-th of the bits that are set, counted from 0 and from the lowest.
std::uint64_t nth_bit(std::uint64_t bits, std::uint64_t index) {
  for (; index != 0; --index) bits &= bits - 1;
  return static_cast<std::uint64_t>(std::countr_zero(bits));
}

}  // namespace

Pivots::Pivots(unsigned axis, Bytes bitmap)
    : axis_(axis), bitmap_bytes_(bitmap.size()), words_((bitmap.size() + 7) / 8) {
  for (std::size_t i = 0; i < bitmap.size(); ++i) {
    words_[i / 8] |= std::to_integer<std::uint64_t>(bitmap[i]) << (i % 8 * 8);
  }
  count_words();
}

Pivots::Pivots(unsigned axis, std::uint64_t extent, std::span<const std::uint32_t> lines)
    : axis_(axis), bitmap_bytes_((extent + 7) / 8), words_((bitmap_bytes_ + 7) / 8) {
  for (const std::uint32_t line : lines) words_[line / 64] |= std::uint64_t{1} << (line % 64);
  count_words();
}

void Pivots::count_words() {
  before_.reserve(words_.size() + 1);
  before_.push_back(0);
  for (const std::uint64_t word : words_) {
    before_.push_back(before_.back() + static_cast<std::uint64_t>(std::popcount(word)));
  }
}

std::uint64_t Pivots::before(std::uint64_t line) const {
  const std::uint64_t index = line / 64;
  if (index >= words_.size()) return count();
  const std::uint64_t below = words_[index] & ((std::uint64_t{1} << (line % 64)) - 1);
  return before_[index] + static_cast<std::uint64_t>(std::popcount(below));
}

std::uint64_t Pivots::stored_line(std::uint64_t index) const {
  // Finds the last word before which there are not more than `index` other lines.
  std::uint64_t low = 0;
  std::uint64_t high = before_.size();
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (64 * middle - before_[middle] <= index ? low : high) = middle;
  }
  const std::uint64_t left = index - (64 * low - before_[low]);
  return 64 * low + (low == words_.size() ? left : nth_bit(~words_[low], left));
}

std::uint64_t Pivots::line(std::uint64_t index) const {
  const auto after = std::ranges::upper_bound(before_, index);
  const auto word = static_cast<std::uint64_t>(after - before_.begin()) - 1;
  return 64 * word + nth_bit(words_[word], index - before_[word]);
}

std::uint64_t Pivots::next(std::uint64_t line, std::uint64_t end) const {
  if (line >= end) return end;
  std::uint64_t bits = word(line / 64) >> (line % 64) << (line % 64);
  for (std::uint64_t i = line / 64; i < words_.size() && 64 * i < end; bits = word(++i)) {
    if (bits == 0) continue;
    return std::min(64 * i + static_cast<std::uint64_t>(std::countr_zero(bits)), end);
  }
  return end;
}

std::vector<std::uint32_t> Pivots::lines() const {
  std::vector<std::uint32_t> lines;
  lines.reserve(count());
  for (std::size_t i = 0; i < words_.size(); ++i) {
    for (std::uint64_t rest = words_[i]; rest != 0; rest &= rest - 1) {
      lines.push_back(static_cast<std::uint32_t>(64 * i) +
                      static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
  }
  return lines;
}

void Pivots::append_bitmap(std::vector<std::byte>& out) const {
  for (std::uint64_t i = 0; i < bitmap_bytes_; ++i) {
    out.push_back(static_cast<std::byte>(words_[i / 8] >> (i % 8 * 8) & 0xFF));
  }
}

}  // namespace bbz::catalog
