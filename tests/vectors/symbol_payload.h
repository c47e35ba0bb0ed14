// Parts of a payload that are alike in several codecs of format-spec/codecs.md, put together by hand:
// tables of frequencies, fields of bits, and the streams and states that symbols become. Knows
// nothing of the library's own encoder and decoder.
#pragma once

#include <array>
#include <map>

#include "format/container/raw_archive.h"

namespace bbz::vectors {

using Frequencies = std::vector<unsigned>;  // of symbols 0, 1, ...

inline constexpr unsigned kEscape = 31;

// A frequency table and where its slots are.
struct Table {
  std::array<unsigned, 32> frequency{};
  std::array<std::vector<unsigned>, 32> slots;  // of each index, ascending

  explicit Table(const Frequencies& frequencies);
  unsigned likeliest() const;
};

// The part *tables* of a payload.
raw::Buffer table_bytes(const std::vector<Frequencies>& tables);

// Bits from the lowest of a byte upwards.
class BitWriter {
 public:
  void put(std::uint64_t value, unsigned bits);
  void align() { used_ = 0; }
  const raw::Buffer& get() const { return out_; }

 private:
  raw::Buffer out_;
  unsigned used_ = 0;
};

// Value `i` of those that stand for more, over and over; 0 if there are none.
inline unsigned repeated(const std::vector<unsigned>& values, std::uint64_t i) {
  return values.empty() ? 0 : values[i % values.size()];
}

// The symbols of a chunk, as indices of tables, and how they are coded.
struct Symbols {
  std::vector<unsigned> indices{};
  unsigned lanes_log2 = 3;
  std::uint32_t width = 1;
  std::uint32_t first = 0;
  std::function<const Table&(std::uint64_t)> table;  // of an element
  // States of lanes that do not end at 256.
  std::map<unsigned, unsigned> end_state{};
  // Lane 0 puts a byte that it need not, so that its state begins below 256 and all else fits.
  bool low_state = false;
};

struct CodedSymbols {
  std::vector<std::uint32_t> stream_size;
  std::vector<raw::Buffer> streams;
  raw::Buffer states;
};

CodedSymbols code_symbols(const Symbols& symbols);

}  // namespace bbz::vectors
