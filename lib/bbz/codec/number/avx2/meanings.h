// What the symbols of a row mean, as the loops of AVX2 take it: the bytes that an element begins with,
// and a mask of the bits that lower bits are deposited in.
#pragma once

#include <cstring>

#include "bbz/codec/number/avx2/lanes.h"

#if defined(__x86_64__)

namespace bbz::codec::number::avx2 {

// What an element is made of, beside its lower bits. Members are modulo 2 to the bits of an element.
struct Base {
  // Of a float, without its lower bits. Of an integer whose sign is stored, its magnitude; of others,
  // that plus the lower bits inverted, or plus the lower bits, is the value.
  std::uint32_t value = 0;
  std::uint32_t mask = 0;   // of the lower bits in the element; the lowest one is the stored sign
  unsigned bits = 0;        // number of lower bits, with the sign
  unsigned shift = 0;       // of those of the fraction
  bool is_shifted = false;  // whether there are such
};

// Returns the base of a key's meaning. `bits` is that of an element, and of the integer if that is
// scaled.
inline Base base_of(const Model& model, const KeyMeaning& meaning, int bits) {
  const auto stored = static_cast<unsigned>(1 - model.sign_bits);
  Base base;
  base.bits = meaning.low_bits;
  base.shift = meaning.shift;
  base.is_shifted = base.bits > stored;
  if (base.is_shifted) {
    base.mask = static_cast<std::uint32_t>(low_mask(static_cast<int>(base.bits - stored))
                                           << (base.shift + stored));
  }
  base.mask |= stored;
  auto value = static_cast<std::uint32_t>(meaning.magnitude);
  if (model.kind == Kind::kFloat) {
    const int sign = bits - 1;
    value &= static_cast<std::uint32_t>(low_mask(sign));
    value |= std::uint32_t{meaning.sign} << sign;
  } else if (meaning.sign != 0) {
    value = 1 - value;
  }
  base.value = value;
  return base;
}

// Returns the base of a zero's symbol.
inline Base base_of_zero(const MergeJob& job, unsigned symbol, int bits) {
  Base base;
  if (job.model.kind == Kind::kFloat) {
    if (symbol == kMinusZero) base.value = std::uint32_t{1} << (bits - 1);
  } else if (job.model.sign_bits != 0) {
    // The sign of every symbol is taken for that of a key: see Signs.
    base.value = (symbol ^ job.origin) & 1;
  }
  return base;
}

// The bits of the integers or the floats that keys tell.
inline int bits_of(const Model& model) {
  return model.kind == Kind::kScaled ? kScaledBits : std::max(model.bits, 8);
}

// The bases of a row without columns. Lower bits are deposited in lanes, which can be smaller than
// elements.
struct RowBases {
  std::array<ByteTable, 4> masks;   // of the lower bits in a lane
  std::array<ByteTable, 4> values;  // of an element
  ByteTable shifts;                 // of the fractions, where lanes are smaller than elements
  int lane_bytes;                   // of a lane, or 0 if there are no lower bits
  unsigned most_bits;               // that an element has beside its key
  unsigned shift;                   // of all fractions, if lanes of one byte are in elements of two

  // Makes the bases for elements of so many bytes.
  void make(const MergeJob& job, int bytes);
};

inline void RowBases::make(const MergeJob& job, int bytes) {
  const int bits = bits_of(job.model);
  std::array<Base, kFirstEscaped> bases;
  for (unsigned symbol = 0; symbol < kFirstKey; ++symbol) {
    bases[symbol] = base_of_zero(job, symbol, bits);
  }
  most_bits = 0;
  shift = 0;
  bool is_even = true;  // whether all shifts are alike
  bool has_shift = false;
  for (unsigned i = 0; i < kWindow; ++i) {
    KeyMeaning meaning = job.keys->begin()[job.shift + i];
    if (job.has_own_floor) meaning.set_floor(job.model, job.floor);
    Base& base = bases[kFirstKey + i];
    base = base_of(job.model, meaning, bits);
    most_bits = std::max(most_bits, base.bits);
    if (!base.is_shifted) continue;
    is_even &= !has_shift || base.shift == shift;
    shift = base.shift;
    has_shift = true;
  }
  lane_bytes = most_bits == 0                                              ? 0
               : bytes == 1 || (most_bits <= 8 && (bytes == 4 || is_even)) ? 1
               : bytes == 2 || most_bits <= 16                             ? 2
                                                                           : 4;
  masks = {};
  values = {};
  shifts = {};
  for (unsigned symbol = 0; symbol < kFirstEscaped; ++symbol) {
    const Base& base = bases[symbol];
    const std::uint32_t mask =
        lane_bytes == bytes ? base.mask
                            : static_cast<std::uint32_t>(low_mask(static_cast<int>(base.bits)));
    for (unsigned b = 0; b < 4; ++b) {
      masks[b][symbol] = static_cast<std::uint8_t>(mask >> (8 * b));
      values[b][symbol] = static_cast<std::uint8_t>(base.value >> (8 * b));
    }
    shifts[symbol] = static_cast<std::uint8_t>(base.shift);
  }
}

// Returns the bases of the row of a job. They are kept for other rows that have the same shift and
// floor.
inline const RowBases& row_bases(const MergeJob& job, int bytes) {
  static_assert(sizeof(RowBases) <= KernelMemory::kRowBytes);
  const auto floor = static_cast<unsigned>(job.floor);
  const std::uint32_t tag = 1 + (job.shift << 9 | floor);
  const std::size_t place = (job.shift * 5 + floor) % KernelMemory::kRows;
  auto& row = *reinterpret_cast<RowBases*>(job.memory->rows[place].data());
  if (job.memory->tags[place] != tag) {
    row.make(job, bytes);
    job.memory->tags[place] = tag;
  }
  return row;
}

// The bases of the zeros, and of all keys of a chunk from that of the header on, for the header's floor:
// masks in the lower halves of integers, and values in the upper ones. T has twice the bits of an
// element.
template <class T>
const T* chunk_bases(const MergeJob& job) {
  KernelMemory& memory = *job.memory;
  if (memory.keys.empty()) {
    constexpr int kHalf = 4 * sizeof(T);
    const int bits = bits_of(job.model);
    const std::size_t size = job.keys->size();
    memory.keys.resize(((kFirstKey + size) * sizeof(T) + 7) / 8);
    const auto put = [&](std::size_t at, const Base& base) {
      const std::uint64_t mask = base.mask & low_mask(kHalf);
      const auto entry = static_cast<T>(mask | std::uint64_t{base.value} << kHalf);
      std::memcpy(reinterpret_cast<std::uint8_t*>(memory.keys.data()) + at * sizeof(T), &entry,
                  sizeof(T));
    };
    for (unsigned symbol = 0; symbol < kFirstKey; ++symbol) {
      put(symbol, base_of_zero(job, symbol, bits));
    }
    for (std::size_t i = 0; i < size; ++i) {
      put(kFirstKey + i, base_of(job.model, job.keys->begin()[i], bits));
    }
  }
  return reinterpret_cast<const T*>(memory.keys.data());
}

}  // namespace bbz::codec::number::avx2

#endif  // defined(__x86_64__)
