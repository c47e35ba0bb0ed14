// The loops that make elements from their symbols, and the tables that they look keys up in.
#pragma once

#include <vector>

#include "bbz/codec/number/magnitude.h"
#include "bbz/codec/split/symbols.h"

namespace bbz::codec::number {

// The first symbol that is escaped. Those below are the zeros' and the window's: the keys from an
// origin on.
inline constexpr unsigned kFirstEscaped = split::kMaxSymbols;
inline constexpr unsigned kWindow = kFirstEscaped - kFirstKey;

// Returns the most bits that an element has beside its key.
inline int most_low_bits(const Model& model) {
  const int depth = std::min(model.mantissa_bits(), model.precision);
  return 1 - model.sign_bits + std::max(depth - model.top_bits, 0);
}

// What the keys of a chunk mean. The keys that symbols of a row can have that are not escaped are
// looked up; others are worked out one by one.
class KeyTable {
 public:
  // The parts of the meanings, for kernels. 64 entries more are readable.
  struct Lanes {
    std::vector<std::uint32_t> magnitudes;  // modulo 2^32
    std::vector<std::uint8_t> low_bits;     // for the header's floor, as the shifts
    std::vector<std::uint8_t> shifts;
    std::vector<std::uint8_t> signs;
  };

  // Makes the table of the keys from the base of a header on, with the highest shift of rows and
  // columns together, in keys. The meanings are those for the header's floor.
  void reset(const Header& header, unsigned highest_shift);
  // Returns the meanings, the first of which is that of the key `base`.
  const KeyMeaning* begin() const { return meanings_.data(); }
  const Lanes& lanes() const { return lanes_; }
  // Returns the number of meanings.
  std::size_t size() const { return meanings_.size(); }

 private:
  std::vector<KeyMeaning> meanings_;
  Lanes lanes_;
};

// The lower bits of a chunk, which are read from the lowest bit of the first byte up. At least 16
// bytes are readable after their end.
struct LowBits {
  const std::uint8_t* begin = nullptr;
  std::uint64_t size = 0;  // bits
  std::uint64_t at = 0;    // may exceed `size`, after which what take() returns is unspecified

  bool is_overrun() const { return at > size; }
  // Returns the next `count` bits (0-64).
  std::uint64_t take(int count) {
    const std::uint64_t place = at < size ? at : size;
    const std::uint8_t* const p = begin + place / 8;
    const auto shift = static_cast<int>(place % 8);
    std::uint64_t bits = load_le<std::uint64_t>(p) >> shift;
    if (count + shift > 64) bits |= std::uint64_t{p[8]} << (64 - shift);
    at += static_cast<std::uint64_t>(count);
    return bits & low_mask(count);
  }
};

// What a kernel keeps from row to row of a chunk. How it is laid out is the kernel's.
struct KernelMemory {
  static constexpr std::size_t kRows = 16;
  static constexpr std::size_t kRowBytes = 320;

  bool is_valid = false;  // whether the places are filled
  alignas(64) std::array<std::array<std::array<std::uint8_t, 64>, 3>, 8> places;
  // What keys mean in rows of some shifts and floors, which tags tell; 0 is that of none.
  std::array<std::uint32_t, kRows> tags{};
  alignas(64) std::array<std::array<std::uint8_t, kRowBytes>, kRows> rows;
  std::vector<std::uint64_t> keys;  // what all keys of the chunk mean, or none yet
};

// Elements of one row that follow each other, and where the chunk's next ones are. The memory belongs
// to the caller. Shifts of columns are of classes, so they have no bits below those of keys.
struct MergeJob {
  Model model;
  std::uint64_t width = 1;                 // elements from one above to this one
  std::uint8_t* out = nullptr;             // the chunk, of which all before `element` is decoded
  std::uint64_t element = 0;               // index of the first element in the chunk
  std::uint64_t count = 0;                 // number of elements
  const std::uint8_t* symbols = nullptr;   // one for each
  const KeyTable* keys = nullptr;          // of the chunk
  unsigned shift = 0;                      // of the row, in keys
  unsigned origin = 0;                     // key of kFirstKey in the row, without columns
  int floor = 0;                           // of the row
  bool has_own_floor = false;              // whether that is another than the header's
  const std::uint16_t* columns = nullptr;  // the shift of each element, in keys, or null
  unsigned highest_column = 0;             // the highest of them in the chunk
  std::uint64_t centre = 0;
  float scale = 1;
  KernelMemory* memory = nullptr;  // not valid before the first row of a chunk
  // The following members are read on entry and updated on return.
  LowBits low;
  split::Cursor wholes;
  bool overrun = false;  // set if there are too few whole elements
};

// Makes the elements of a job on every machine. Preconditions: the header of the model is valid, and
// the room for the elements is there.
void portable_merge(MergeJob& job);
// Makes some elements of a job so: `count` of them, after those that were made before.
void portable_merge(MergeJob& job, std::uint64_t first, std::uint64_t count);

// Returns the float that is the product of an integer of 16 bits and a scale, as element of a model of
// kind kScaled. See format-spec/codecs.md, "Numbers".
std::uint32_t scaled(const Model& model, std::int32_t value, float scale);

}  // namespace bbz::codec::number
