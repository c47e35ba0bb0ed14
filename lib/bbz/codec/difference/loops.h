// What the loops of the portable kernel share: groups of 64 elements, for compilers to vectorise,
// without branches but for symbols and lower bits that few elements have.
#pragma once

#include <bit>
#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/difference/kernel.h"
#include "bbz/codec/difference/ordered.h"

namespace bbz::codec::difference {

// Where the next symbol of each table is. Those without symbols have one that stays.
template <class Pointer>
struct Runs {
  std::array<Pointer, kMaxTables> at{};
  std::array<std::uint8_t, kMaxTables> step{};

  Runs(const Classes& classes, const std::array<Pointer, kMaxTables>& symbols, Pointer none) {
    for (int t = 0; t < kMaxTables; ++t) {
      at[t] = classes.is_live(t) ? symbols[t] : none;
      step[t] = classes.is_live(t) ? 1 : 0;
    }
  }
  void store(const Classes& classes, std::array<Pointer, kMaxTables>& symbols) const {
    for (int t = 0; t < kMaxTables; ++t) {
      if (classes.is_live(t)) symbols[t] = at[t];
    }
  }
};

// T is the unsigned integer of an element's size.
template <class T>
struct Groups {
  static constexpr int kGroup = 64;
  using Bytes64 = std::uint8_t[kGroup];
  using Elements = T[kGroup];

  static bool is_zero(const std::uint8_t* bytes) {
    std::uint64_t all = 0;
    for (int i = 0; i < kGroup / 8; ++i) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes + 8 * i, 8);
      all |= word;
    }
    return all == 0;
  }

  static void find_exponents(const Classes& classes, const Elements& base, Bytes64& exponents) {
    const auto mask = static_cast<T>((1u << classes.exponent_bits) - 1);
    const int shift = classes.mantissa_bits;
    for (int i = 0; i < kGroup; ++i) {
      exponents[i] = static_cast<std::uint8_t>(static_cast<T>(base[i] >> shift) & mask);
    }
  }

  // Finds the numbers of lower bits of elements. Clears the bytes in `has` of those without.
  static void find_low_bits(const Classes& classes, const Elements& base, Bytes64& has,
                            Bytes64& bits) {
    find_exponents(classes, base, bits);
    const std::uint8_t reference = classes.reference;
    const auto most = static_cast<std::uint8_t>(classes.most_low_bits());
    for (int i = 0; i < kGroup; ++i) {
      const std::uint8_t below =
          bits[i] < reference ? static_cast<std::uint8_t>(reference - bits[i]) : std::uint8_t{0};
      bits[i] = below < most ? below : most;
      has[i] &= below != 0 ? 255 : 0;
    }
  }

  // Returns the set of those of bytes that are 255 and not 0.
  static std::uint64_t set_of(const Bytes64& bytes) {
    std::uint64_t set = 0;
    for (int i = 0; i < 8; ++i) {
      // Takes another bit of each byte, and adds the bytes.
      const std::uint64_t word = load_le<std::uint64_t>(bytes + 8 * i) & 0x8040201008040201;
      set |= word * 0x0101010101010101 >> 56 << (8 * i);
    }
    return set;
  }

  // Calls f with the number of each element whose byte is 255, not 0, in ascending order.
  template <class F>
  static void for_each_set(const Bytes64& bytes, F f) {
    for (std::uint64_t set = set_of(bytes); set != 0; set &= set - 1) {
      f(std::countr_zero(set));
    }
  }

  static void find_group(const Classes& classes, const std::uint8_t* base, std::uint8_t* contexts) {
    Elements b;
    std::memcpy(b, base, sizeof(b));
    Bytes64 exponents;
    find_exponents(classes, b, exponents);
    Bytes64 found = {};
    for (int t = 1; t < classes.tables; ++t) {
      const std::uint8_t first = classes.first[t];
      for (int i = 0; i < kGroup; ++i) {
        found[i] = static_cast<std::uint8_t>(found[i] + (exponents[i] >= first ? 1 : 0));
      }
    }
    std::memcpy(contexts, found, sizeof(found));
  }

  // Counts the elements of each live table.
  static void count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                    Counts& counts) {
    // Neighbours are often of the same table, and a machine waits for a counter that it has just
    // written. So they are counted apart.
    std::array<Counts, 4> parts{};
    for (std::uint64_t at = 0; at < elements; at += kGroup) {
      const std::uint64_t size = elements - at < kGroup ? elements - at : std::uint64_t{kGroup};
      Bytes64 contexts;
      find_tables(classes, base + at * sizeof(T), size, contexts);
      for (std::uint64_t i = 0; i < size; ++i) ++parts[i % 4][contexts[i]];
    }
    for (int t = 0; t < kMaxTables; ++t) {
      counts[t] = classes.is_live(t) ? parts[0][t] + parts[1][t] + parts[2][t] + parts[3][t] : 0;
    }
  }

  // Finds the tables of up to a group of elements.
  static void find_tables(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                          Bytes64& tables) {
    if (elements == kGroup) return find_group(classes, base, tables);
    std::uint8_t whole[kGroup * sizeof(T)] = {};
    std::memcpy(whole, base, elements * sizeof(T));
    find_group(classes, whole, tables);
  }

  // Calls f with the number of each of the first elements of a group, in ascending order. Leaves out
  // those of tables without symbols if there are many of these: otherwise a loop whose end is
  // mispredicted takes longer than calling f for all.
  template <class F>
  static void for_each_live(const Classes& classes, const Bytes64& tables, std::uint64_t elements,
                            F f) {
    Bytes64 live;
    std::memset(live, 255, kGroup);
    for (int t = 0; t < classes.tables; ++t) {
      if (classes.is_live(t)) continue;
      for (int i = 0; i < kGroup; ++i) live[i] &= tables[i] == t ? 0 : 255;
    }
    std::uint64_t set = set_of(live);
    if (elements < kGroup) set &= (std::uint64_t{1} << elements) - 1;
    if (std::popcount(set) <= kGroup / 4) {
      for (; set != 0; set &= set - 1) f(static_cast<std::uint64_t>(std::countr_zero(set)));
    } else {
      for (std::uint64_t i = 0; i < elements; ++i) f(i);
    }
  }
};

}  // namespace bbz::codec::difference
