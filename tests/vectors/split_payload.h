// Payloads of codec split-float put together by hand from format-spec/codecs.md, part by part, so
// that every feature of the text can be used, whatever an encoder would choose, and every rule
// broken. Knows nothing of the library's own encoder and decoder.
#pragma once

#include <set>

#include "bbz/base/dtype.h"
#include "vectors/symbol_payload.h"

namespace bbz::vectors {

// What an encoder chooses. Nothing here needs to be within what the text allows.
struct SplitPlan {
  DType dtype = DType::kBF16;
  unsigned top_bits = 1;
  unsigned lanes_log2 = 3;
  std::vector<Frequencies> tables;
  unsigned row_bits = 0;
  unsigned column_bits = 0;
  unsigned base = 0;
  std::uint32_t width = 1;
  std::uint32_t first = 0;
  // Of rows and columns, over and over; 0 where there are none.
  std::vector<unsigned> row_table{};
  std::vector<unsigned> row_shift{};
  std::vector<unsigned> column_shift{};
  // Elements whose key is patched although a symbol or an escape can say it.
  std::set<std::uint32_t> patched{};
  // States of lanes that do not end at 256.
  std::map<unsigned, unsigned> end_state{};
  // Lane 0 puts a byte that it need not, so that its state begins below 256 and all else fits.
  bool low_state = false;
};

// A payload in its parts, those of the header by name.
struct SplitParts {
  unsigned form = 1;
  unsigned top_bits = 0;
  unsigned lanes_log2 = 0;
  unsigned table_count = 0;
  unsigned row_bits = 0;
  unsigned column_bits = 0;
  unsigned base = 0;
  std::uint32_t width = 0;
  std::uint32_t first = 0;
  std::uint32_t escape_count = 0;
  std::uint32_t patch_count = 0;
  std::vector<std::uint32_t> stream_size;

  raw::Buffer tables;
  raw::Buffer rows;
  raw::Buffer columns;
  raw::Buffer packed;
  raw::Buffer bytes;
  std::vector<raw::Buffer> streams;
  raw::Buffer escapes;
  raw::Buffer patches;
  raw::Buffer states;

  raw::Buffer payload() const;
};

// A chunk whose keys are spread as the plan's tables say, escapes among them, and whose rests are
// noise.
raw::Buffer draw_split(const SplitPlan& plan, std::size_t elements, std::uint64_t seed);

SplitParts encode_split(const SplitPlan& plan, Bytes chunk);

// Element `i` of a chunk becomes these bits.
void set_element(const SplitPlan& plan, raw::Buffer& chunk, std::size_t i, std::uint64_t bits);

}  // namespace bbz::vectors
