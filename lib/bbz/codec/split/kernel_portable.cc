// The kernel for every machine, layout and grid; the other kernels are tested against it.
#include <bit>
#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/split/steps.h"

namespace bbz::codec::split {
namespace {

// Returns the packed bits of up to eight elements, which take kBits bytes. Element i has the i-th
// kBits bits.
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

// Decodes the symbol bytes of `count` lanes. Returns false if a stream ends too early.
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
      // Is 1 if a byte is needed. That is almost random, so a branch would be slow.
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

void encode_step(const EncodeTable& table, EncodeJob& job, int count,
                 const std::uint8_t* __restrict symbols) {
  const std::uint64_t* __restrict entries = table.entry.data();
  const std::uint8_t* __restrict slots = table.slot.data();
  std::uint16_t* __restrict states = job.states.data();
  for (int first = (count - 1) / kStreamLanes * kStreamLanes; first >= 0; first -= kStreamLanes) {
    std::uint8_t* at = job.streams[first / kStreamLanes];
    for (int lane = count < first + kStreamLanes ? count : first + kStreamLanes; lane-- > first;) {
      const std::uint64_t entry = entries[symbols[lane] % kIndices];
      const auto f = static_cast<std::uint32_t>(entry & 0xFFFF);
      std::uint32_t x = states[lane];
      at[-1] = static_cast<std::uint8_t>(x);
      // Is 1 if the low byte of the state must be written. See decode_step().
      const std::uint32_t need = ((f << 8) - 1 - x) >> 31;
      at -= need;
      x >>= 8 * need;
      const std::uint32_t low = x * static_cast<std::uint32_t>(entry >> 32) >> 16;
      const std::uint32_t left = x - low * f;
      const std::uint32_t more = (f - 1 - left) >> 31;
      states[lane] = static_cast<std::uint16_t>(
          (low + more) * kSlots + slots[(entry >> 16 & 0xFFFF) + left - (f & (0 - more))]);
    }
    job.streams[first / kStreamLanes] = at;
  }
}

// Replaces escapes by escaped bytes. Returns false if there are too few.
bool take_escapes(DecodeJob& job, int count, std::uint8_t* symbols) {
  for (std::uint8_t* p = symbols;; ++p) {
    const auto left = static_cast<std::size_t>(symbols + count - p);
    p = static_cast<std::uint8_t*>(std::memchr(p, kEscapeByte, left));
    if (p == nullptr) return true;
    if (job.escapes.at == job.escapes.end) return false;
    *p = *job.escapes.at++;
  }
}

// The loops for one layout. T is the unsigned integer of an element's size, and its rest has
// kRestBytes bytes and kPacked bits.
template <class T, int kPacked, int kRestBytes>
struct Loops {
  static constexpr int kRest = 8 * kRestBytes + kPacked;
  static constexpr int kKeyBits = static_cast<int>(8 * sizeof(T)) - kRest;
  static constexpr unsigned kKeyMask = (1u << kKeyBits) - 1;
  // Without a rest, the key is the element, which is not rotated.
  static constexpr int kTurn = kRest == 0 ? 0 : 1;
  static constexpr T kPackedMask = static_cast<T>((1u << kPacked) - 1);

  // Makes the elements from their symbols, and adds the columns' shifts if `columns` is not null.
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
        store_le(out + static_cast<std::size_t>(begin + i) * sizeof(T), std::rotr(value, kTurn));
      }
    }
  }

  // Computes the symbol bytes of the elements, and stores their rests.
  static void split(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step,
                    std::uint8_t* __restrict symbols) {
    const std::uint8_t* __restrict in = job.in + step.element * sizeof(T);
    std::uint8_t* __restrict bytes = job.bytes + step.element * kRestBytes;
    const std::uint32_t coded = job.tables[row.table].coded;
    std::uint32_t escaped = 0;
    packed += step.index * kPacked / 8;
    for (int begin = 0; begin < step.count; begin += 8) {
      const int n = step.count - begin < 8 ? step.count - begin : 8;
      std::uint64_t bits = 0;
      std::array<unsigned, 8> keys{};
      for (int i = 0; i < n; ++i) {
        const T value =
            std::rotl(load_le<T>(in + static_cast<std::size_t>(begin + i) * sizeof(T)), kTurn);
        std::memcpy(bytes + (begin + i) * kRestBytes, &value, kRestBytes);
        const T above = static_cast<T>(value >> (8 * kRestBytes)) & kPackedMask;
        bits |= static_cast<std::uint64_t>(above) << (kPacked * i);
        keys[i] = static_cast<unsigned>(value >> kRest) - row.base;
      }
      if (job.columns != nullptr) {
        const std::uint16_t* columns = job.columns + step.column + begin;
        for (int i = 0; i < n; ++i) keys[i] -= columns[i];
      }
      for (int i = 0; i < n; ++i) {
        const unsigned symbol = keys[i] & kKeyMask;
        // All larger symbols use the escape's bit, which is never set in `coded`.
        const unsigned index = symbol < kMaxSymbols ? symbol : unsigned{kEscapeIndex};
        const bool is_coded = (coded >> index & 1) != 0;
        symbols[begin + i] =
            static_cast<std::uint8_t>(is_coded ? kSymbolBias + index : kEscapeByte);
        escaped |= is_coded ? 0 : 1;
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
      const T value = std::rotl(load_le<T>(job.in + element * sizeof(T)), kTurn);
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

  static bool finish(DecodeJob& job, const Row& row, const std::uint8_t* packed, const Step& step,
                     std::uint8_t* symbols) {
    if (!take_escapes(job, step.count, symbols)) return false;
    merge(job, row, packed, step, symbols);
    return true;
  }

  static bool decode(DecodeJob& job, const Row& row, const std::uint8_t* packed, const Step& step) {
    Symbols symbols;
    return decode_step(job.tables[row.table], job, step.count, symbols.data()) &&
           finish(job, row, packed, step, symbols.data());
  }

  static void encode(EncodeJob& job, const Row& row, std::uint8_t* packed, const Step& step) {
    Symbols symbols;
    split(job, row, packed, step, symbols.data());
    encode_step(job.tables[row.table], job, step.count, symbols.data());
  }
};

// Returns the result of `f` for the Loops of a layout.
template <class F>
auto with_loops(const Layout& layout, F f) {
  using std::uint16_t, std::uint32_t, std::uint64_t, std::uint8_t;
  const int rest = layout.rest_bits();
  switch (layout.element_bytes) {
    case 1:
      if (rest == 0) return f(Loops<uint8_t, 0, 0>());
      if (rest == 2) return f(Loops<uint8_t, 2, 0>());
      if (rest == 3) return f(Loops<uint8_t, 3, 0>());
      return f(Loops<uint8_t, 4, 0>());
    case 2:
      if (rest == 7) return f(Loops<uint16_t, 7, 0>());
      if (rest == 8) return f(Loops<uint16_t, 0, 1>());
      if (rest == 10) return f(Loops<uint16_t, 2, 1>());
      return f(Loops<uint16_t, 3, 1>());
    case 4:
      if (rest == 23) return f(Loops<uint32_t, 7, 2>());
      return f(Loops<uint32_t, 0, 3>());
    default:
      if (rest == 52) return f(Loops<uint64_t, 4, 6>());
      return f(Loops<uint64_t, 5, 6>());
  }
}

}  // namespace

DecodeStep portable_decode_step(const Layout& layout) {
  return with_loops(layout, [](auto loops) { return DecodeStep{loops.decode}; });
}

FinishStep portable_finish_step(const Layout& layout) {
  return with_loops(layout, [](auto loops) { return FinishStep{loops.finish}; });
}

EncodeStep portable_encode_step(const Layout& layout) {
  return with_loops(layout, [](auto loops) { return EncodeStep{loops.encode}; });
}

SplitStep portable_split_step(const Layout& layout) {
  return with_loops(layout, [](auto loops) { return SplitStep{loops.split}; });
}

const Kernel kPortableKernel = {"portable", [](const Layout&, const Grid&) { return true; },
                                make_decode_table,
                                [](DecodeJob& job) {
                                  const DecodeStep step = portable_decode_step(job.layout);
                                  decode_by_steps(job, step, step);
                                },
                                [](EncodeJob& job) {
                                  const EncodeStep step = portable_encode_step(job.layout);
                                  encode_by_steps(job, step, step);
                                }};

}  // namespace bbz::codec::split
