// Form pivot: the rows, or the columns, of an identity in a matrix are not stored.
#include <algorithm>
#include <cstring>

#include "bbz/symmetry/gauge/pivot.h"
#include "bbz/symmetry/internal/forms.h"
#include "bbz/symmetry/internal/spread.h"

namespace bbz::symmetry {
namespace {

using catalog::Pivots;
using catalog::TensorMeta;

Status check_extents(const TensorMeta& tensor) {
  BBZ_TRY(check_matrix(tensor, gauge::kMaxPivotExtent));
  if (tensor.shape[0] <= gauge::kMaxPivotExtent) return {};
  return about(Code::kLimit, tensor, "form pivot with {} rows, the limit is {}", tensor.shape[0],
               gauge::kMaxPivotExtent);
}

// Checks that the value 1 of the type is known.
Status check_type(const TensorMeta& tensor) {
  if (gauge::bits_of_one(tensor.dtype)) return {};
  const DTypeInfo* const known = find_dtype(tensor.dtype);
  if (known == nullptr) {
    return about(Code::kUnsupported, tensor, "form pivot of unknown dtype {}",
                 static_cast<int>(tensor.dtype));
  }
  return about(Code::kMalformed, tensor, "form pivot of {}", known->name);
}

// Checks that the bitmap fits the shape.
Status check_bitmap(const TensorMeta& tensor) {
  const Pivots& pivots = *tensor.pivots;
  if (pivots.axis() > 1) {
    return about(Code::kMalformed, tensor, "form pivot: axis {}, expected 0 or 1", pivots.axis());
  }
  const std::uint64_t extent = tensor.shape[pivots.axis()];
  const std::uint64_t rank = tensor.shape[1 - pivots.axis()];
  if (rank == 0 || rank >= extent) {
    return about(Code::kMalformed, tensor, "form pivot: {} pivots in an extent of {}", rank,
                 extent);
  }
  if (rank > gauge::kMaxPivotRank) {
    return about(Code::kLimit, tensor, "form pivot: {} pivots, the limit is {}", rank,
                 gauge::kMaxPivotRank);
  }
  if (pivots.bitmap_bytes() != divide_up(extent, 8)) {
    return about(Code::kMalformed, tensor, "form pivot: a bitmap of {} bytes, expected {}",
                 pivots.bitmap_bytes(), divide_up(extent, 8));
  }
  if (pivots.count() != rank || pivots.before(extent) != rank) {
    return about(Code::kMalformed, tensor,
                 "form pivot: {} pivots, {} of them below the extent of {}, expected {}",
                 pivots.count(), pivots.before(extent), extent, rank);
  }
  return {};
}

std::uint64_t pivot_index(const TensorMeta& tensor, std::uint64_t index) {
  const Pivots& pivots = *tensor.pivots;
  const std::uint64_t cols = tensor.shape[1];
  if (pivots.axis() == 0) return pivots.stored_line(index / cols) * cols + index % cols;
  const std::uint64_t stored = cols - pivots.count();
  return index / stored * cols + pivots.stored_line(index % stored);
}

// What is expanded: elements of type Word, an unsigned integer.
template <class Word>
class Expansion {
 public:
  Expansion(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored)
      : pivots_(*tensor.pivots),
        cols_(tensor.shape[1]),
        first_(chunk.first_element),
        stored_(stored),
        spread_(best_spread(sizeof(Word))),
        one_(static_cast<Word>(*gauge::bits_of_one(tensor.dtype))) {}

  // Fills `out` with the elements [begin, end) of a matrix with pivots in its rows.
  void expand_rows(std::uint64_t begin, std::uint64_t end, std::byte* out) const {
    while (begin < end) {
      const std::uint64_t row = begin / cols_;
      const std::uint64_t before = pivots_.before(row);
      // Elements up to the next pivot lie together, and so do those of a pivot.
      const bool pivot = pivots_.contains(row);
      const std::uint64_t next = pivot ? row + 1 : pivots_.next(row, divide_up(end, cols_));
      const std::uint64_t to = std::min(next * cols_, end);
      if (pivot) {
        zero(out, to - begin);
        set_one(row * cols_ + before, begin, to, out);
      } else {
        copy(begin - before * cols_ - first_, to - begin, out);
      }
      out += (to - begin) * sizeof(Word);
      begin = to;
    }
  }

  // The same for a matrix with pivots in its columns.
  void expand_columns(std::uint64_t begin, std::uint64_t end, std::byte* out) const {
    const std::uint64_t kept = cols_ - pivots_.count();
    while (begin < end) {
      const std::uint64_t row = begin / cols_;
      const std::uint64_t to = std::min((row + 1) * cols_, end);
      const std::uint64_t col = begin - row * cols_;
      expand_row(row * kept + col - pivots_.before(col) - first_, col, to - row * cols_, out);
      set_one(row * cols_ + pivots_.line(row), begin, to, out);
      out += (to - begin) * sizeof(Word);
      begin = to;
    }
  }

 private:
  // Fills `out` with the columns [col, end) of a row, zero in the pivots. `at` is the first stored
  // element of them.
  void expand_row(std::uint64_t at, std::uint64_t col, std::uint64_t end, std::byte* out) const {
    const std::uint64_t size = stored_.size() / sizeof(Word);
    while (col < end) {
      const std::uint64_t bits = pivots_.word(col / 64) >> (col % 64);
      const std::uint64_t count = std::min(64 - col % 64, end - col);
      if (bits == 0) {
        copy(at, count, out);
        at += count;
      } else if (at + count <= size) {
        at += spread_(bits, count, stored_.data() + at * sizeof(Word), out);
      } else {
        for (std::uint64_t i = 0; i < count; ++i) {
          const Word value = (bits >> i & 1) != 0 ? Word{0} : load(at++);
          std::memcpy(out + i * sizeof(Word), &value, sizeof value);
        }
      }
      out += count * sizeof(Word);
      col += count;
    }
  }

  Word load(std::uint64_t index) const {
    Word value;
    std::memcpy(&value, stored_.data() + index * sizeof(Word), sizeof value);
    return value;
  }
  void copy(std::uint64_t index, std::uint64_t count, std::byte* out) const {
    std::memcpy(out, stored_.data() + index * sizeof(Word), count * sizeof(Word));
  }
  static void zero(std::byte* out, std::uint64_t count) {
    std::memset(out, 0, count * sizeof(Word));
  }
  // Sets the element `index` to 1 if it is one of [begin, end), which are in `out`.
  void set_one(std::uint64_t index, std::uint64_t begin, std::uint64_t end, std::byte* out) const {
    if (index < begin || index >= end) return;
    std::memcpy(out + (index - begin) * sizeof(Word), &one_, sizeof one_);
  }

  const Pivots& pivots_;
  std::uint64_t cols_;
  std::uint64_t first_;  // stored element of the chunk
  Bytes stored_;
  Spread spread_;
  Word one_;
};

template <class Word>
void expand(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
            std::uint64_t begin, MutableBytes dense) {
  const Expansion<Word> expansion(tensor, chunk, stored);
  const std::uint64_t end = begin + dense.size() / sizeof(Word);
  if (tensor.pivots->axis() == 0) {
    expansion.expand_rows(begin, end, dense.data());
  } else {
    expansion.expand_columns(begin, end, dense.data());
  }
}

}  // namespace

Status check_pivot(const catalog::Tensor& tensor) {
  const TensorMeta& meta = tensor.meta;
  BBZ_TRY(check_extents(meta));
  BBZ_TRY(check_type(meta));
  BBZ_TRY(check_bitmap(meta));
  const std::uint64_t rank = meta.pivots->count();
  return check_stored(meta, (meta.shape[meta.pivots->axis()] - rank) * rank);
}

// A chunk stands for the elements from its first one up to the first of the next chunk, including
// those of pivots. Chunk 0 begins at element 0, even if that is in a pivot.
DenseRange pivot_range(const TensorMeta& tensor, const catalog::Chunk& chunk) {
  const std::uint64_t first = chunk.first_element;
  const std::uint64_t next = first + chunk.element_count;
  return {first == 0 ? 0 : pivot_index(tensor, first), next == tensor.stored_elements
                                                           ? tensor.shape[0] * tensor.shape[1]
                                                           : pivot_index(tensor, next)};
}

void expand_pivot(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense) {
  switch (tensor.element_bits) {
    case 16:
      return expand<std::uint16_t>(tensor, chunk, stored, begin, dense);
    case 32:
      return expand<std::uint32_t>(tensor, chunk, stored, begin, dense);
    default:
      return expand<std::uint64_t>(tensor, chunk, stored, begin, dense);
  }
}

}  // namespace bbz::symmetry
