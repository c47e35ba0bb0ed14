#include "vectors/symbol_payload.h"

namespace bbz::vectors {

using raw::Buffer;
using raw::Fields;

Table::Table(const Frequencies& frequencies) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < frequencies.size(); ++i) sum += frequency[i] = frequencies[i];
  if (frequencies.size() <= kEscape) frequency[kEscape] = 256 - sum;
  unsigned position = 0;
  for (unsigned index = 0; index < 32; ++index) {
    for (unsigned i = 0; i < frequency[index]; ++i) {
      slots[index].push_back(159 * position++ % 256);
    }
    std::ranges::sort(slots[index]);
  }
}

unsigned Table::likeliest() const {
  return static_cast<unsigned>(std::ranges::max_element(frequency) - frequency.begin());
}

Buffer table_bytes(const std::vector<Frequencies>& tables) {
  Fields f;
  for (const auto& frequencies : tables) {
    f.u8(frequencies.size());
    for (const unsigned frequency : frequencies) f.u8(frequency);
  }
  return f;
}

void BitWriter::put(std::uint64_t value, unsigned bits) {
  for (unsigned b = 0; b < bits; ++b, ++used_) {
    if (used_ % 8 == 0) out_.push_back(std::byte{0});
    out_.back() |= static_cast<std::byte>((value >> b & 1) << used_ % 8);
  }
}

CodedSymbols code_symbols(const Symbols& s) {
  struct Step {
    std::uint64_t begin, end;
  };
  const std::uint64_t lanes = std::uint64_t{1} << s.lanes_log2;
  const auto row = [&](std::uint64_t i) { return (s.first + i) / s.width; };
  std::vector<Step> steps;
  for (std::uint64_t begin = 0; begin < s.indices.size();) {
    std::uint64_t row_end = begin;
    while (row_end < s.indices.size() && row(row_end) == row(begin)) ++row_end;
    for (; begin < row_end; begin = steps.back().end) {
      steps.push_back({begin, std::min(begin + lanes, row_end)});
    }
  }
  std::vector<unsigned> x(lanes, 256);
  for (const auto& [lane, state] : s.end_state) x[lane] = state;
  CodedSymbols coded;
  coded.streams.resize(std::max<std::uint64_t>(lanes / 64, 1));
  std::ranges::reverse(steps);
  for (const Step& step : steps) {
    for (std::uint64_t i = step.end; i-- > step.begin;) {
      const std::uint64_t lane = i - step.begin;
      const unsigned index = s.indices[i];
      const unsigned frequency = s.table(i).frequency[index];
      if (x[lane] >= 256 * frequency || (s.low_state && i == 0)) {
        coded.streams[lane / 64].push_back(static_cast<std::byte>(x[lane]));
        x[lane] /= 256;
      }
      x[lane] = 256 * (x[lane] / frequency) + s.table(i).slots[index][x[lane] % frequency];
    }
  }
  for (Buffer& stream : coded.streams) {
    std::ranges::reverse(stream);
    coded.stream_size.push_back(static_cast<std::uint32_t>(stream.size()));
  }
  Fields states;
  for (const unsigned state : x) states.u16(state);
  coded.states = states;
  return coded;
}

}  // namespace bbz::vectors
