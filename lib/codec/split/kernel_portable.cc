// The kernel for every machine, layout and grid; the other kernels are tested against it.
#include <bit>
#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {
namespace {

using Symbols = std::array<std::uint8_t, 1 << kMaxLanesLog2>;

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

// The packed bits of up to eight elements are kBits bytes; element i has the i-th kBits bits.
template <int kBits>
std::uint64_t load_packed(const std::uint8_t* p, int count) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, p, count == 8 ? kBits : static_cast<std::size_t>((count * kBits + 7) / 8));
  return bits;
}

template <int kBits>
void store_packed(std::uint8_t* p, int count, std::uint64_t bits) {
  std::memcpy(p, &bits, count == 8 ? kBits : static_cast<std::size_t>((count * kBits + 7) / 8));
}

// The symbol bytes of `count` lanes. Returns false where a stream ends too early.
bool decode_step(const DecodeTable& table, DecodeJob& job, int count,
                 std::uint8_t* __restrict symbols) {
  const std::uint32_t* __restrict entries = table.entry.data();
  for (int first = 0; first < count; first += kStreamLanes) {
    Cursor& stream = job.streams[first / kStreamLanes];
    std::uint16_t* __restrict states = job.states.data();
    const std::uint8_t* __restrict at = stream.at;
    const int end = count < first + kStreamLanes ? count : first + kStreamLanes;
    for (int lane = first; lane < end; ++lane) {
      const std::uint32_t x = states[lane];
      const std::uint32_t entry = entries[x % kSlots];
      const std::uint32_t next = (entry & 0xFF) * (x / kSlots) + (entry >> 8 & 0xFF);
      // One where a byte is needed. Which is as good as random, so there must be no branch.
      const std::uint32_t need = (next - kStateStart) >> 31;
      states[lane] = static_cast<std::uint16_t>(next << (8 * need) | (*at & (0 - need)));
      at += need;
      symbols[lane] = static_cast<std::uint8_t>(entry >> 16);
    }
    stream.at = at;
    if (at > stream.end) return false;
  }
  return true;
}

void encode_step(const EncodeTable& table, EncodeJob& job, int count, const std::uint8_t* symbols) {
  for (int lane = count; lane-- > 0;) {
    const int index = symbols[lane] % kIndices;
    const unsigned f = table.freq[index];
    unsigned x = job.states[lane];
    const unsigned need = x >= f << 8 ? 1 : 0;
    std::uint8_t*& stream = job.streams[lane / kStreamLanes];
    stream[-1] = static_cast<std::uint8_t>(x);
    stream -= need;
    x >>= 8 * need;
    unsigned quotient = x * table.reciprocal[index] >> 16;
    unsigned remainder = x - quotient * f;
    const unsigned low = remainder >= f ? 1 : 0;
    quotient += low;
    remainder -= low != 0 ? f : 0;
    job.states[lane] =
        static_cast<std::uint16_t>(quotient * kSlots + table.slot[table.start[index] + remainder]);
  }
}

// Puts escaped bytes in the place of escapes. Returns false where there are too few.
bool take_escapes(DecodeJob& job, int count, std::uint8_t* symbols) {
  for (std::uint8_t* p = symbols;; ++p) {
    const auto left = static_cast<std::size_t>(symbols + count - p);
    p = static_cast<std::uint8_t*>(std::memchr(p, kEscapeByte, left));
    if (p == nullptr) return true;
    if (job.escapes.at == job.escapes.end) return false;
    *p = *job.escapes.at++;
  }
}

// The loops of one split: T is the unsigned integer of an element's size, whose rest is kRestBytes
// bytes and kPacked bits.
template <class T, int kPacked, int kRestBytes>
struct Loops {
  static constexpr int kRest = 8 * kRestBytes + kPacked;
  static constexpr int kKeyBits = static_cast<int>(8 * sizeof(T)) - kRest;
  static constexpr unsigned kKeyMask = (1u << kKeyBits) - 1;
  static constexpr T kPackedMask = static_cast<T>((1u << kPacked) - 1);

  // The elements of symbols, with the columns' shifts where `columns` is not nullptr.
  static void merge(const DecodeJob& job, const Row& row, const std::uint8_t* packed,
                    const Step& step, const std::uint8_t* __restrict symbols) {
    const std::uint8_t* __restrict bytes = job.bytes + step.element * kRestBytes;
    std::uint8_t* __restrict out = job.out + step.element * sizeof(T);
    const unsigned origin = row.base - unsigned{kSymbolBias};
    packed += step.index * kPacked / 8;
    for (int begin = 0; begin < step.count; begin += 8) {
      const int n = step.count - begin < 8 ? step.count - begin : 8;
      const std::uint64_t bits = load_packed<kPacked>(packed + begin / 8 * kPacked, n);
      std::array<unsigned, 8> keys{};
      for (int i = 0; i < n; ++i) keys[i] = origin + symbols[begin + i];
      if (job.columns != nullptr) {
        const std::uint16_t* columns = job.columns + step.column + begin;
        for (int i = 0; i < n; ++i) keys[i] += columns[i];
      }
      for (int i = 0; i < n; ++i) {
        T rest = 0;
        std::memcpy(&rest, bytes + (begin + i) * kRestBytes, kRestBytes);
        const T above = static_cast<T>(bits >> (kPacked * i)) & kPackedMask;
        const T value = static_cast<T>(static_cast<T>(static_cast<T>(keys[i] & kKeyMask) << kRest) |
                                       static_cast<T>(above << (8 * kRestBytes)) | rest);
        store_le(out + static_cast<std::size_t>(begin + i) * sizeof(T), std::rotr(value, 1));
      }
    }
  }

  // The symbol bytes; the rests are stored.
  static void split(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step,
                    std::uint8_t* symbols) {
    const std::uint8_t* in = job.in + step.element * sizeof(T);
    std::uint8_t* bytes = job.bytes + step.element * kRestBytes;
    const EncodeTable& table = job.tables[row.table];
    unsigned escaped = 0;
    packed += step.index * kPacked / 8;
    for (int begin = 0; begin < step.count; begin += 8) {
      const int n = step.count - begin < 8 ? step.count - begin : 8;
      std::uint64_t bits = 0;
      for (int i = begin; i < begin + n; ++i) {
        const T value = std::rotl(load_le<T>(in + static_cast<std::size_t>(i) * sizeof(T)), 1);
        std::memcpy(bytes + i * kRestBytes, &value, kRestBytes);
        const T above = static_cast<T>(value >> (8 * kRestBytes)) & kPackedMask;
        bits |= static_cast<std::uint64_t>(above) << (kPacked * (i - begin));
        unsigned base = row.base;
        if (job.columns != nullptr) base += job.columns[step.column + i];
        const unsigned symbol = (static_cast<unsigned>(value >> kRest) - base) & kKeyMask;
        const bool coded = symbol < kMaxSymbols && table.freq[symbol % kIndices] != 0;
        symbols[i] = static_cast<std::uint8_t>(coded ? kSymbolBias + symbol : kEscapeByte);
        escaped |= coded ? 0 : 1;
      }
      store_packed<kPacked>(packed + begin / 8 * kPacked, n, bits);
    }
    if (escaped != 0) put_escapes(job, row, step, symbols);
  }

  static void put_escapes(EncodeJob& job, const Row& row, const Step& step,
                          const std::uint8_t* symbols) {
    for (int i = step.count; i-- > 0;) {
      if (symbols[i] != kEscapeByte) continue;
      const std::uint64_t element = step.element + static_cast<std::uint64_t>(i);
      const T value = std::rotl(load_le<T>(job.in + element * sizeof(T)), 1);
      const auto key = static_cast<unsigned>(value >> kRest);
      unsigned base = row.base;
      if (job.columns != nullptr) base += job.columns[step.column + i];
      unsigned escape = (key - base + kSymbolBias) & kKeyMask;
      if (escape > 255) {
        job.patches->push_back(
            {static_cast<std::uint32_t>(element), static_cast<std::uint16_t>(key)});
        escape = 0;
      }
      *--job.escapes = static_cast<std::uint8_t>(escape);
    }
  }

  static void decode(DecodeJob& job) {
    const std::uint8_t* packed = job.packed;
    for (std::uint64_t r = 0; r < job.grid.rows(); ++r) {
      const Row& row = job.rows[r];
      for (std::uint64_t k = 0; k < step_count(job.grid, r); ++k) {
        const Step step = step_of(job.grid, r, k);
        Symbols symbols;
        if (!decode_step(job.tables[row.table], job, step.count, symbols.data()) ||
            !take_escapes(job, step.count, symbols.data())) {
          job.overrun = true;
          return;
        }
        merge(job, row, packed, step, symbols.data());
      }
      packed += job.layout.packed_size(job.grid.row_end(r) - job.grid.row_begin(r));
    }
  }

  static void encode(EncodeJob& job) {
    std::uint8_t* packed = job.packed + packed_total(job.layout, job.grid);
    for (std::uint64_t r = job.grid.rows(); r-- > 0;) {
      const Row& row = job.rows[r];
      packed -= job.layout.packed_size(job.grid.row_end(r) - job.grid.row_begin(r));
      for (std::uint64_t k = step_count(job.grid, r); k-- > 0;) {
        const Step step = step_of(job.grid, r, k);
        Symbols symbols;
        split(job, row, packed, step, symbols.data());
        encode_step(job.tables[row.table], job, step.count, symbols.data());
      }
    }
  }
};

// Calls `f` with the Loops of a layout.
template <class F>
void with_loops(const Layout& layout, F f) {
  using std::uint16_t, std::uint32_t, std::uint64_t, std::uint8_t;
  const int split = layout.rest_bits();
  switch (layout.element_bytes) {
    case 1:
      if (split == 2) return f(Loops<uint8_t, 2, 0>());
      if (split == 3) return f(Loops<uint8_t, 3, 0>());
      return f(Loops<uint8_t, 4, 0>());
    case 2:
      if (split == 7) return f(Loops<uint16_t, 7, 0>());
      if (split == 8) return f(Loops<uint16_t, 0, 1>());
      if (split == 10) return f(Loops<uint16_t, 2, 1>());
      return f(Loops<uint16_t, 3, 1>());
    case 4:
      if (split == 23) return f(Loops<uint32_t, 7, 2>());
      return f(Loops<uint32_t, 0, 3>());
    default:
      if (split == 52) return f(Loops<uint64_t, 4, 6>());
      return f(Loops<uint64_t, 5, 6>());
  }
}

}  // namespace

const Kernel kPortableKernel = {
    "portable", [](const Layout&, const Grid&) { return true; },
    [](DecodeJob& job) { with_loops(job.layout, [&](auto loops) { loops.decode(job); }); },
    [](EncodeJob& job) { with_loops(job.layout, [&](auto loops) { loops.encode(job); }); }};

}  // namespace bbz::codec::split
