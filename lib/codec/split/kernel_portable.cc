// The kernel for every machine, layout and grid; the other kernels are tested against it.
#include <bit>
#include <cstring>

#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {
namespace {

// `bits` (1-7) packed bits of the element at `index` of a row.
unsigned load_packed(const std::uint8_t* row, std::uint64_t index, int bits) {
  const std::uint64_t at = index * static_cast<std::uint64_t>(bits);
  const std::uint8_t* p = row + at / 8;
  const int shift = static_cast<int>(at % 8);
  unsigned value = static_cast<unsigned>(*p) >> shift;
  if (shift + bits > 8) value |= static_cast<unsigned>(p[1]) << (8 - shift);
  return value & ((1u << bits) - 1);
}

// Precondition: called for the elements of a step in order; a step begins at a whole byte.
void store_packed(std::uint8_t* row, std::uint64_t index, int bits, unsigned value) {
  const std::uint64_t at = index * static_cast<std::uint64_t>(bits);
  std::uint8_t* p = row + at / 8;
  const int shift = static_cast<int>(at % 8);
  const unsigned below = shift == 0 ? 0 : *p;
  *p = static_cast<std::uint8_t>(below | (value << shift));
  if (shift + bits > 8) p[1] = static_cast<std::uint8_t>(value >> (8 - shift));
}

// The whole bytes of an element's rest, as the low bytes of a T.
template <class T>
T load_rest(const std::uint8_t* p, int bytes) {
  T value = 0;
  for (int i = 0; i < bytes; ++i) value = static_cast<T>(value | (static_cast<T>(p[i]) << (8 * i)));
  return value;
}

template <class T>
void store_rest(std::uint8_t* p, int bytes, T value) {
  for (int i = 0; i < bytes; ++i) p[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

// The symbol bytes of `count` lanes. Returns false where a stream ends too early.
bool decode_step(const DecodeTable& table, DecodeJob& job, int count, std::uint8_t* symbols) {
  for (int lane = 0; lane < count; ++lane) {
    const unsigned x = job.states[lane];
    const unsigned slot = x % kSlots;
    const std::uint8_t symbol = table.symbol[slot];
    unsigned next = table.freq[symbol % kIndices] * (x / kSlots) + table.rank[slot];
    if (next < kStateStart) {
      Cursor& stream = job.streams[lane / kStreamLanes];
      if (stream.at == stream.end) return false;
      next = next << 8 | *stream.at++;
    }
    job.states[lane] = static_cast<std::uint16_t>(next);
    symbols[lane] = symbol;
  }
  return true;
}

void encode_step(const EncodeTable& table, EncodeJob& job, int count, const std::uint8_t* symbols) {
  for (int lane = count; lane-- > 0;) {
    const int index = symbols[lane] % kIndices;
    const unsigned f = table.freq[index];
    unsigned x = job.states[lane];
    if (x >= f << 8) {
      *--job.streams[lane / kStreamLanes] = static_cast<std::uint8_t>(x);
      x >>= 8;
    }
    job.states[lane] =
        static_cast<std::uint16_t>((x / f) * kSlots + table.slot[table.start[index] + x % f]);
  }
}

// Up to `lanes` elements of a row.
struct Step {
  std::uint64_t element;  // the first one's place in the chunk,
  std::uint64_t index;    // in its row as far as the chunk has it,
  std::uint64_t column;   // and in the grid
  int count;
};

std::uint64_t step_count(const Grid& grid, std::uint64_t r) {
  return divide_up(grid.row_end(r) - grid.row_begin(r), static_cast<std::uint64_t>(grid.lanes));
}

Step step_of(const Grid& grid, std::uint64_t r, std::uint64_t k) {
  const std::uint64_t begin = grid.row_begin(r);
  const std::uint64_t index = k * static_cast<std::uint64_t>(grid.lanes);
  const std::uint64_t left = grid.row_end(r) - begin - index;
  const auto lanes = static_cast<std::uint64_t>(grid.lanes);
  return {begin + index, index, (r == 0 ? grid.first : 0) + index,
          static_cast<int>(left < lanes ? left : lanes)};
}

using Symbols = std::array<std::uint8_t, 1 << kMaxLanesLog2>;

// T is the unsigned integer of an element's size.
template <class T>
bool decode_row(DecodeJob& job, std::uint64_t r, const std::uint8_t* packed) {
  const Layout& layout = job.layout;
  const Row& row = job.rows[r];
  Symbols symbols;
  for (std::uint64_t k = 0; k < step_count(job.grid, r); ++k) {
    const Step step = step_of(job.grid, r, k);
    if (!decode_step(job.tables[row.table], job, step.count, symbols.data())) return false;
    for (int i = 0; i < step.count; ++i) {
      unsigned symbol = symbols[i];
      if (symbol == kEscapeByte) {
        if (job.escapes.at == job.escapes.end) return false;
        symbol = *job.escapes.at++;
      }
      unsigned key = row.base + symbol - kSymbolBias;
      if (job.columns != nullptr) key += job.columns[step.column + i];
      key &= layout.key_mask();
      T value = static_cast<T>(static_cast<T>(key) << layout.rest_bits());
      value |= load_rest<T>(job.bytes + (step.element + i) * layout.rest_bytes, layout.rest_bytes);
      if (layout.packed_bits != 0) {
        const T bits = static_cast<T>(load_packed(packed, step.index + i, layout.packed_bits));
        value |= static_cast<T>(bits << (8 * layout.rest_bytes));
      }
      value = std::rotr(value, 1);
      std::memcpy(job.out + (step.element + i) * sizeof(T), &value, sizeof(T));
    }
  }
  return true;
}

template <class T>
void encode_row(EncodeJob& job, std::uint64_t r, std::uint8_t* packed) {
  const Layout& layout = job.layout;
  const Row& row = job.rows[r];
  const EncodeTable& table = job.tables[row.table];
  Symbols symbols;
  for (std::uint64_t k = step_count(job.grid, r); k-- > 0;) {
    const Step step = step_of(job.grid, r, k);
    for (int i = 0; i < step.count; ++i) {
      T value;
      std::memcpy(&value, job.in + (step.element + i) * sizeof(T), sizeof(T));
      value = std::rotl(value, 1);
      store_rest(job.bytes + (step.element + i) * layout.rest_bytes, layout.rest_bytes, value);
      if (layout.packed_bits != 0) {
        const auto bits = static_cast<unsigned>(value >> (8 * layout.rest_bytes));
        store_packed(packed, step.index + i, layout.packed_bits,
                     bits & ((1u << layout.packed_bits) - 1));
      }
    }
    for (int i = step.count; i-- > 0;) {
      T value;
      std::memcpy(&value, job.in + (step.element + i) * sizeof(T), sizeof(T));
      const auto key = static_cast<unsigned>(std::rotl(value, 1) >> layout.rest_bits());
      unsigned base = row.base;
      if (job.columns != nullptr) base += job.columns[step.column + i];
      const unsigned symbol = (key - base) & layout.key_mask();
      if (symbol < kMaxSymbols && table.freq[symbol] != 0) {
        symbols[i] = static_cast<std::uint8_t>(kSymbolBias + symbol);
        continue;
      }
      symbols[i] = kEscapeByte;
      unsigned escape = (symbol + kSymbolBias) & layout.key_mask();
      if (escape > 255) {
        job.patches->push_back(
            {static_cast<std::uint32_t>(step.element + i), static_cast<std::uint16_t>(key)});
        escape = 0;
      }
      *--job.escapes = static_cast<std::uint8_t>(escape);
    }
    encode_step(table, job, step.count, symbols.data());
  }
}

template <class T>
void decode_chunk(DecodeJob& job) {
  const std::uint8_t* packed = job.packed;
  for (std::uint64_t r = 0; r < job.grid.rows(); ++r) {
    if (!decode_row<T>(job, r, packed)) {
      job.overrun = true;
      return;
    }
    packed += job.layout.packed_size(job.grid.row_end(r) - job.grid.row_begin(r));
  }
}

template <class T>
void encode_chunk(EncodeJob& job) {
  std::uint8_t* packed = job.packed + packed_total(job.layout, job.grid);
  for (std::uint64_t r = job.grid.rows(); r-- > 0;) {
    packed -= job.layout.packed_size(job.grid.row_end(r) - job.grid.row_begin(r));
    encode_row<T>(job, r, packed);
  }
}

void decode(DecodeJob& job) {
  switch (job.layout.element_bytes) {
    case 1:
      return decode_chunk<std::uint8_t>(job);
    case 2:
      return decode_chunk<std::uint16_t>(job);
    case 4:
      return decode_chunk<std::uint32_t>(job);
    default:
      return decode_chunk<std::uint64_t>(job);
  }
}

void encode(EncodeJob& job) {
  switch (job.layout.element_bytes) {
    case 1:
      return encode_chunk<std::uint8_t>(job);
    case 2:
      return encode_chunk<std::uint16_t>(job);
    case 4:
      return encode_chunk<std::uint32_t>(job);
    default:
      return encode_chunk<std::uint64_t>(job);
  }
}

}  // namespace

const Kernel kPortableKernel = {"portable", [](const Layout&, const Grid&) { return true; }, decode,
                                encode};

}  // namespace bbz::codec::split
