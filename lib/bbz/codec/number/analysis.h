// What the encoder finds in the numbers of a chunk: what their bits are limited by, what goes into the
// keys, and how rows and columns differ.
#pragma once

#include <array>
#include <vector>

#include "bbz/codec/number/candidate.h"
#include "bbz/codec/number/source.h"
#include "bbz/codec/split/kernel.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::number {

// The finest key of each element: with kMaxTopBits bits of the fraction and the sign. Coarser ones
// follow from it. Elements without a key have one of the values below.
using FineKey = std::uint16_t;
inline constexpr FineKey kFineZero = 0xFFFD;
inline constexpr FineKey kFineMinusZero = 0xFFFE;
inline constexpr FineKey kFineWhole = 0xFFFF;
// A bit, in units of split::log2_fixed().
inline constexpr std::uint32_t kBit = 4096;

inline constexpr int kFineBits = kMaxTopBits + 1;  // below the class

inline bool has_key(FineKey key) {
  return key < kFineZero;
}
inline int order_of(FineKey key) {
  return key >> kFineBits;
}

// Returns the key of a model for a fine one.
inline unsigned coarse(const Model& model, FineKey key) {
  const unsigned sign = key & 1;
  const unsigned rest = static_cast<unsigned>(key) >> (1 + kMaxTopBits - model.top_bits);
  return model.sign_bits != 0 ? rest << 1 | sign : rest;
}

// Floors must save such a part of what is stored beside keys.
inline constexpr std::uint64_t kFloorWorth = 128;

// Where bits end: the precision and the floor of a model.
struct Limits {
  int precision = 0;
  int floor = 0;
};

// Counts of elements by class, and by the bits of their fractions above the lowest one.
class UsedBits {
 public:
  explicit UsedBits(const Model& model);
  void add(int order, int used) {
    ++counts_[static_cast<std::size_t>(order) * kStride + static_cast<std::size_t>(used)];
  }
  // Limits, and what they cost.
  struct Choice {
    Limits limits;
    std::uint64_t cost = 0;  // in bits, without keys
    int most_used = 0;       // the precision that all elements have room in
  };
  // Returns the limits for which least is stored, if elements that break them are stored whole.
  Choice choose() const;

 private:
  static constexpr std::size_t kStride = 64;

  struct Entry {
    int order;
    int used;
    std::uint64_t count;
  };
  std::vector<Entry> entries() const;
  std::uint64_t cost(const std::vector<Entry>& entries, const Limits& limits) const;

  Model model_;
  std::vector<std::uint32_t> counts_;
};

// Shifts of rows and columns, in classes.
struct Shifts {
  std::vector<std::uint16_t> rows;     // one for each row, or empty
  std::vector<std::uint16_t> columns;  // one for each column, or empty

  unsigned of_row(std::uint64_t row) const { return rows.empty() ? 0 : rows[row]; }
  unsigned of(std::uint64_t row, std::uint64_t column) const {
    return of_row(row) + (columns.empty() ? 0 : columns[column]);
  }
};

// What keys are made of, and that of the first symbol.
struct KeyChoice {
  int top_bits = 0;
  int sign_bits = 0;
  std::uint16_t base = 0;
  std::uint64_t cost = 0;  // in bits, with what is stored beside the keys that depends on them
};

// Finds shifts and keys. The memory of the grid and the keys is the caller's.
class KeyAnalysis {
 public:
  // The depths of elements follow from the limits.
  KeyAnalysis(const Model& model, const split::Grid& grid, const std::vector<FineKey>& keys,
              const Limits& limits);
  // Returns the shifts that make the means of rows, and of columns if `with_columns` is set, alike.
  Shifts find_shifts(bool with_columns) const;
  // Returns the best keys for these shifts.
  KeyChoice choose_keys(const Shifts& shifts) const;

 private:
  static constexpr std::int64_t kUnit = 16;  // of means

  // The numbers of elements with each shifted key from a bias on, and without a key.
  struct Counts {
    const std::uint32_t* keys = nullptr;
    unsigned lowest = ~0U;
    unsigned highest = 0;
    std::uint64_t zeros = 0;
    std::uint64_t minus_zeros = 0;
    std::uint64_t wholes = 0;
  };
  Counts count(const Shifts& shifts) const;
  std::vector<std::uint16_t> find_columns() const;

  const Model& model_;
  const split::Grid& grid_;
  const std::vector<FineKey>& keys_;
  std::vector<std::int64_t> means_;  // of the orders of rows
  unsigned lowest_ = ~0U;            // of all keys
  unsigned highest_ = 0;
  std::array<std::uint64_t, kMaxTopBits + 1> stored_{};  // bits beside keys, by number of top bits
};

// The table of each row, and the tables.
struct RowTables {
  std::vector<std::uint8_t> rows;
  std::vector<split::Frequencies> tables;
  std::uint64_t cost = 0;  // of all symbols and tables, in bits
};

// Divides rows into at most `most` tables by the symbols that they have.
RowTables choose_tables(const split::Grid& grid, const std::uint8_t* symbols, int most);

}  // namespace bbz::codec::number
