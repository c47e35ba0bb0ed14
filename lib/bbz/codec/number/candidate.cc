#include "bbz/codec/number/candidate.h"

#include <algorithm>
#include <bit>

#include "bbz/codec/number/merge.h"

namespace bbz::codec::number {
namespace {

constexpr std::uint64_t kPieces = 16;  // adjacent elements are read much faster than distant ones
constexpr std::uint64_t kPiece = 128;
constexpr std::uint64_t kPart = 64;  // of a piece, for what takes longer
// Rows of fewer elements are joined to what belongs to a channel.
constexpr std::uint64_t kFew = 32;

// Floats of a narrower type, or few bits, have so many low bits that are zero.
constexpr int kLowBits = 5;

// What a look at a chunk of floats shows.
struct Look {
  std::uint64_t elements = 0;
  std::uint64_t zeros = 0;
  std::uint64_t rounded = 0;    // not zero, and the lowest kLowBits bits of the mantissa are
  std::uint64_t distant = 0;    // whose exponent is far below the highest
  std::uint64_t small = 0;      // whose exponent is kSmall and more below the highest of the piece
  std::uint64_t even = 0;       // of those, with a lowest bit that is zero
  std::uint64_t equal = 0;      // as large as another one of the first kPart of a piece
  std::uint64_t compared = 0;   // with the element above
  std::uint64_t different = 0;  // bits of the differences of those
};

// T is the unsigned integer of an element's size.
template <class T>
class Looker {
 public:
  Looker(const DTypeInfo& info, Bytes plain, std::uint64_t width)
      : mantissa_(info.layout.mantissa_bits), plain_(plain), width_(width) {}

  Look look() const {
    Look look;
    // Split-float has symbols for half as many exponents as it has symbols.
    constexpr T kFar = 14;
    T highest = 0;
    for_each_piece([&](std::uint64_t begin, std::uint64_t count) {
      for (std::uint64_t i = begin; i < begin + count; ++i)
        highest = std::max(highest, magnitude(i));
    });
    const auto exponent = static_cast<T>(highest >> mantissa_);
    const auto far = static_cast<T>((exponent - std::min(exponent, kFar)) << mantissa_);
    for_each_piece(
        [&](std::uint64_t begin, std::uint64_t count) { look_at(begin, count, far, look); });
    return look;
  }

 private:
  static constexpr int kSign = 8 * sizeof(T) - 1;
  // Where a floor leaves out bits of a row, entries so many binades below the largest lack one.
  static constexpr T kSmall = 4;

  T magnitude(std::uint64_t place) const {
    return static_cast<T>(load_le<T>(plain_.data() + place * sizeof(T)) & low_mask(kSign));
  }
  T ordered(std::uint64_t place) const {
    const T value = load_le<T>(plain_.data() + place * sizeof(T));
    return value >> kSign != 0 ? static_cast<T>(value ^ low_mask(kSign)) : value;
  }

  template <class F>
  void for_each_piece(F f) const {
    const std::uint64_t elements = plain_.size() / sizeof(T);
    const std::uint64_t stride = std::max(elements / kPieces, kPiece);
    for (std::uint64_t begin = 0; begin < elements; begin += stride) {
      f(begin, std::min(kPiece, elements - begin));
    }
  }

  void look_at(std::uint64_t begin, std::uint64_t count, T far, Look& look) const {
    const auto low = static_cast<T>(low_mask(std::min(kLowBits, mantissa_)));
    for (std::uint64_t i = begin; i < begin + count; ++i) {
      const T value = magnitude(i);
      look.zeros += value == 0 ? 1 : 0;
      look.rounded += value != 0 && (value & low) == 0 ? 1 : 0;
      look.distant += value != 0 && value < far ? 1 : 0;
    }
    look.elements += count;
    look_for_floor(begin, count, look);
    const std::uint64_t few = std::min(count, kPart);
    look.equal += count_equal(begin, few);
    if (begin < width_) return;
    for (std::uint64_t i = begin; i < begin + few; ++i) {
      const auto difference = static_cast<T>(ordered(i) - ordered(i - width_));
      const T size = difference >> kSign != 0 ? static_cast<T>(-difference) : difference;
      look.different += static_cast<std::uint64_t>(std::bit_width(size));
    }
    look.compared += few;
  }

  void look_for_floor(std::uint64_t begin, std::uint64_t count, Look& look) const {
    T highest = 0;
    for (std::uint64_t i = begin; i < begin + count; ++i) highest = std::max(highest, magnitude(i));
    const auto exponent = static_cast<T>(highest >> mantissa_);
    const auto below = static_cast<T>((exponent - std::min(exponent, kSmall) + 1) << mantissa_);
    for (std::uint64_t i = begin; i < begin + count; ++i) {
      const T value = magnitude(i);
      const bool small = value != 0 && value < below;
      look.small += small ? 1 : 0;
      look.even += small && (value & 1) == 0 ? 1 : 0;
    }
  }

  // Returns how many elements, but for zeros, are as large as one before them. Leaves out a few.
  std::uint64_t count_equal(std::uint64_t begin, std::uint64_t count) const {
    constexpr int kSlots = 8;                        // as a power of two
    std::array<T, std::size_t{1} << kSlots> last{};  // of the magnitudes with a slot
    std::uint64_t equal = 0;
    for (std::uint64_t i = begin; i < begin + count; ++i) {
      const T value = magnitude(i);
      T& other = last[(value * std::uint64_t{0x9E3779B97F4A7C15}) >> (64 - kSlots)];
      equal += value != 0 && value == other ? 1 : 0;
      other = value;
    }
    return equal;
  }

  int mantissa_;
  Bytes plain_;
  std::uint64_t width_;
};

Look look_at(const DTypeInfo& info, Bytes plain, std::uint64_t width) {
  switch (info.bits) {
    case 8:
      return Looker<std::uint8_t>(info, plain, width).look();
    case 16:
      return Looker<std::uint16_t>(info, plain, width).look();
    case 32:
      return Looker<std::uint32_t>(info, plain, width).look();
    default:
      return Looker<std::uint64_t>(info, plain, width).look();
  }
}

class Finder {
 public:
  Finder(const ChunkShape& shape, std::uint64_t elements, Level level)
      : shape_(shape), elements_(elements), level_(level) {}

  // Adds a candidate with the rows of the tensor, `scale` elements of the model for each of its own.
  // Short rows are joined if that is no part of the kind.
  void add(Kind kind, int bits, int float_bits, std::uint64_t scale = 1) {
    Candidate candidate;
    candidate.model.kind = kind;
    candidate.model.bits = bits;
    candidate.model.float_bits = float_bits;
    candidate.level = level_;
    const std::uint64_t row = shape_.row_length * scale;
    std::uint64_t width = row;
    std::uint64_t first = shape_.first_column * scale;
    if (kind == Kind::kFloat || kind == Kind::kInteger) {
      const std::uint64_t least =
          std::max(kJoinedLength, divide_up(elements_, split::kMaxRows / 2));
      width = divide_up(least, row) * row;
      if (shape_.row_length < kFew && shape_.joined_length * scale >= least) {
        width = shape_.joined_length * scale;
        first = shape_.joined_first * scale;
      }
    }
    width = std::min(width, std::max(first + elements_, std::uint64_t{1}));
    if (width > split::kMaxWidth) return;
    candidate.width = static_cast<std::uint32_t>(width);
    candidate.first = static_cast<std::uint32_t>(first);
    found.push_back(candidate);
  }

  std::vector<Candidate> found;

 private:
  const ChunkShape& shape_;
  std::uint64_t elements_;
  Level level_;
};

void find_floats(const ChunkShape& shape, const DTypeInfo& info, Bytes plain, Level level,
                 Finder& finder) {
  const int mantissa = info.layout.mantissa_bits;
  const bool all = level == Level::kSmall;
  const Look look = look_at(info, plain, shape.row_length);
  // By chance, half of all floats have a lowest bit that is zero.
  const bool has_floor = look.small * 32 > look.elements && look.even * 8 > look.small * 7;
  // By chance, one float in 32 has five low bits that are zero, or one in eight has three.
  const bool is_limited = look.rounded << std::min(kLowBits, mantissa) > 3 * look.elements ||
                          look.zeros * 50 > look.elements || look.distant * 50 > look.elements;
  if (all || is_limited || has_floor) finder.add(Kind::kFloat, info.bits, mantissa);
  if (level == Level::kFast) return;
  const bool has_rows = shape.row_length < shape.elements;
  if (has_rows && (all || look.different < look.compared * static_cast<std::uint64_t>(mantissa))) {
    finder.add(Kind::kFirstDifference, info.bits, 1);
    finder.add(Kind::kSecondDifference, info.bits, 1);
  }
  const bool has_products =
      info.bits == 32 || (info.bits == 16 && (mantissa == 7 || mantissa == 10));
  // Of 64 floats of 16 bits that are no products, a few are equal by chance.
  if (has_products && look.equal * 4 > look.elements / kPiece * kPart) {
    finder.add(Kind::kScaled, info.bits, mantissa);
  }
}

}  // namespace

std::vector<Candidate> find_candidates(const ChunkShape& shape, Bytes plain, Level level) {
  const DTypeInfo* const info = find_dtype(shape.dtype);
  const bool is_float = info != nullptr && info->layout.exponent_bits != 0;
  const unsigned bits = element_bits(shape);
  if (is_float) {
    Finder finder(shape, shape.elements, level);
    find_floats(shape, *info, plain, level, finder);
    return finder.found;
  }
  if (shape.dtype == DType::kBlock || level == Level::kFast) return {};
  const bool is_whole = bits == 8 || bits == 16 || bits == 32 || bits == 64;
  ChunkShape bytes = shape;
  if (!is_whole) {
    bytes.elements = plain.size();
    bytes.row_length = plain.size();
    bytes.first_column = 0;
    bytes.joined_length = 0;
  }
  const unsigned size = is_whole ? bits : 8;
  Finder finder(bytes, bytes.elements * (size == 8 || size == 32 ? size / 4 : 1), level);
  finder.add(Kind::kInteger, static_cast<int>(size), 0);
  if (size == 8 || size == 32) finder.add(Kind::kInteger, 4, 0, size / 4);
  if (size > 8 && bytes.row_length < bytes.elements) {
    finder.add(Kind::kFirstDifference, static_cast<int>(size), 0);
    finder.add(Kind::kSecondDifference, static_cast<int>(size), 0);
  }
  return finder.found;
}

}  // namespace bbz::codec::number
