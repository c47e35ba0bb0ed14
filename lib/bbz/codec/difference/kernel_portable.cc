// The kernel for every machine; the other kernels are tested against it.
#include <type_traits>

#include "bbz/base/wire.h"
#include "bbz/codec/difference/kernel.h"
#include "bbz/codec/difference/ordered.h"

namespace bbz::codec::difference {
namespace {

// What each exponent stands for.
struct Lookup {
  std::array<std::uint8_t, 256> table{};
  std::array<std::uint8_t, 256> low_bits{};

  explicit Lookup(const Classes& classes) {
    for (int exponent = 0; exponent < 1 << classes.exponent_bits; ++exponent) {
      table[exponent] = static_cast<std::uint8_t>(classes.table_of(exponent));
      low_bits[exponent] = static_cast<std::uint8_t>(classes.low_bits(exponent));
    }
  }
};

// Calls `f` with an integer of an element's size.
template <class F>
void with_element(const Classes& classes, F f) {
  switch (classes.element_bytes) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    default:
      return f(std::uint32_t{});
  }
}

template <class T>
std::uint8_t exponent_of(const Classes& classes, T element) {
  const unsigned mask = (1u << classes.exponent_bits) - 1;
  return static_cast<std::uint8_t>(element >> classes.mantissa_bits & mask);
}

// Returns `count` bits at a place of lower bits, of which `end` are readable. Precondition: count is
// at most 24.
std::uint32_t get_bits(const MergeJob& job, int count) {
  const std::uint64_t first = job.low_at / 8;
  const std::uint64_t last = (job.low_at + static_cast<std::uint64_t>(count) + 7) / 8;
  std::uint32_t bits = 0;
  std::memcpy(&bits, job.low + first, last - first < 4 ? last - first : 4);
  return bits >> (job.low_at % 8) & ((1u << count) - 1);
}

void count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
           Counts& counts) {
  const Lookup lookup(classes);
  counts.fill(0);
  with_element(classes, [&](auto zero) {
    using T = decltype(zero);
    for (std::uint64_t i = 0; i < elements; ++i) {
      ++counts[lookup.table[exponent_of(classes, load_le<T>(base + i * sizeof(T)))]];
    }
  });
  for (int t = 0; t < kMaxTables; ++t) {
    if (!classes.is_live(t)) counts[t] = 0;
  }
}

void merge(MergeJob& job) {
  const Classes& classes = *job.classes;
  const Lookup lookup(classes);
  // The elements of a table without symbols read this one again and again.
  const std::uint8_t unchanged = 0;
  std::array<const std::uint8_t*, kMaxTables> at{};
  std::array<std::uint8_t, kMaxTables> step{};
  for (int t = 0; t < kMaxTables; ++t) {
    at[t] = classes.is_live(t) ? job.symbols[t] : &unchanged;
    step[t] = classes.is_live(t) ? 1 : 0;
  }
  with_element(classes, [&](auto zero) {
    using T = decltype(zero);
    for (std::uint64_t i = 0; i < job.elements; ++i) {
      std::uint8_t* const p = job.out + i * sizeof(T);
      const T base = load_le<T>(p);
      const std::uint8_t exponent = exponent_of(classes, base);
      const std::uint8_t table = lookup.table[exponent];
      const std::uint8_t symbol = *at[table];
      at[table] += step[table];
      if (symbol == 0) continue;
      if (symbol == kWhole) {
        if (job.wholes.at == job.wholes.end) {
          job.overrun = true;
          return;
        }
        std::memcpy(p, job.wholes.at, sizeof(T));
        job.wholes.at += sizeof(T);
        continue;
      }
      const int bits = lookup.low_bits[exponent];
      std::uint32_t folded = (symbol - 1u) << bits;
      if (bits != 0) {
        if (job.low_end - job.low_at < static_cast<std::uint64_t>(bits)) {
          job.overrun = true;
          return;
        }
        folded |= get_bits(job, bits);
        job.low_at += static_cast<std::uint64_t>(bits);
      }
      const T difference = unfold(static_cast<T>(folded + 1));
      store_le(p, turn(static_cast<T>(turn(base) + difference)));
    }
  });
  for (int t = 0; t < kMaxTables; ++t) {
    if (classes.is_live(t)) job.symbols[t] = at[t];
  }
}

void split(SplitJob& job) {
  const Classes& classes = *job.classes;
  const Lookup lookup(classes);
  with_element(classes, [&](auto zero) {
    using T = decltype(zero);
    for (std::uint64_t i = 0; i < job.elements; ++i) {
      const T base = load_le<T>(job.base + i * sizeof(T));
      const T element = load_le<T>(job.in + i * sizeof(T));
      const std::uint8_t exponent = exponent_of(classes, base);
      const std::uint8_t table = lookup.table[exponent];
      const bool live = classes.is_live(table);
      std::uint8_t symbol = 0;
      if (element != base) {
        const int bits = lookup.low_bits[exponent];
        const std::uint32_t folded = fold(static_cast<T>(turn(element) - turn(base))) - 1u;
        const std::uint32_t upper = folded >> bits;
        symbol = static_cast<std::uint8_t>(std::min(upper + 1, kWhole));
        if (!live || symbol == kWhole) {
          (live ? job.wholes : job.patches)->push_back(job.place + static_cast<std::uint32_t>(i));
        } else {
          job.pending |= std::uint64_t{folded & ((1u << bits) - 1)} << job.filled;
          job.filled += bits;
          store_le(job.low, job.pending);
          job.low += job.filled / 8;
          job.pending >>= job.filled / 8 * 8;
          job.filled %= 8;
        }
      }
      if (live) *job.symbols[table]++ = symbol;
    }
  });
}

}  // namespace

const Kernel kPortableKernel = {"portable", count, merge, split};

}  // namespace bbz::codec::difference
