// The loop that makes elements of every kind from blocks of their bases and lower bits.
#pragma once

#include "bbz/codec/number/avx2/block.h"
#include "bbz/codec/number/avx2/products.h"

#if defined(__x86_64__)

#define BBZ_LOOPS_BEGIN BBZ_AVX2_BEGIN
#define BBZ_LOOPS_END BBZ_AVX2_END
#include "bbz/codec/number/loops.h"

BBZ_AVX2_BEGIN

namespace bbz::codec::number::avx2 {

struct Avx2 {};

// The loop for elements of so many bytes, or, if they are scaled, for integers of so many.
template <int kBytes, Kind kKind>
class Loop {
 public:
  explicit Loop(MergeJob& job) : job_(job), model_(job.model) {}

  // Makes the elements from `i` to `end`.
  void run(std::uint64_t i, std::uint64_t end) {
    if (model_.bits == 4 && i < end && (job_.element + i) % 2 != 0 && is_complete()) {
      loop_merge<Avx2>(job_, i++, 1);
    }
    std::uint64_t most = Block<kBytes>::kElements;
    while (i < end && is_complete()) {
      const std::uint64_t wanted = std::min({count_from(i, end), count_of_low_bits(), most});
      const std::uint64_t made = wanted >= kGroup ? make(i, wanted / kGroup * kGroup) : 0;
      i += made;
      most = std::min(2 * most, Block<kBytes>::kElements);
      if (made != 0 && made == wanted / kGroup * kGroup) continue;
      const std::uint64_t others = std::min(kOthers, end - i);
      loop_merge<Avx2>(job_, i, others);
      i += others;
      most = 2 * kGroup;
    }
  }

 private:
  using Lane = Lanes<kBytes>;
  static constexpr std::uint64_t kCount = 32 / kBytes;
  // So many elements are made one by one where a block ends at what has no room in it.
  static constexpr std::uint64_t kOthers = 256;
  static constexpr bool kDifference = kKind == Kind::kFirstDifference;

  bool is_complete() const { return !job_.overrun && !job_.low.is_overrun(); }

  // Returns the number of rows above an element that it depends on.
  unsigned rows_above(std::uint64_t place) const {
    if (!kDifference || place < job_.width) return 0;
    return model_.kind == Kind::kFirstDifference || place < 2 * job_.width ? 1 : 2;
  }

  // Returns how many elements to make from `i` on that depend on as many rows.
  std::uint64_t count_from(std::uint64_t i, std::uint64_t end) const {
    const std::uint64_t place = job_.element + i;
    const std::uint64_t end_of_rows = (rows_above(place) + 1) * job_.width;
    return kDifference && place < end_of_rows ? std::min(end - i, end_of_rows - place) : end - i;
  }

  // Returns how many elements there are lower bits for, whatever their symbols are.
  std::uint64_t count_of_low_bits() const {
    const auto most = static_cast<std::uint64_t>(most_low_bits(model_));
    return most == 0 ? job_.count : (job_.low.size - job_.low.at) / most;
  }

  // Makes up to `count` elements, whole groups, and returns how many.
  std::uint64_t make(std::uint64_t i, std::uint64_t count) {
    if (job_.columns != nullptr) {
      const auto* const bases = chunk_bases<typename Block<kBytes>::Entry>(job_);
      block_.fill_columns(job_, bases, i, count);
      return model_.sign_bits == 0 ? finish<kBytes, true>(i, count, 8 * kBytes, 0)
                                   : finish<kBytes, false>(i, count, 8 * kBytes, 0);
    }
    const RowBases& row = row_bases(job_, kBytes);
    if (row.lane_bytes == 0) return make_lanes<0>(row, i, count);
    if constexpr (kBytes > 1) {
      if (row.lane_bytes == 1) return make_lanes<1>(row, i, count);
    }
    if constexpr (kBytes > 2) {
      if (row.lane_bytes == 2) return make_lanes<2>(row, i, count);
    }
    return make_lanes<kBytes>(row, i, count);
  }

  template <int kLane>
  std::uint64_t make_lanes(const RowBases& row, std::uint64_t i, std::uint64_t count) {
    block_.template fill<kLane>(job_, row, i, count);
    return model_.sign_bits == 0 ? finish<kLane, true>(i, count, row.most_bits, row.shift)
                                 : finish<kLane, false>(i, count, row.most_bits, row.shift);
  }

  // Completes elements that are filled, of which those that are not escaped have at most `most_bits`
  // lower bits. Returns how many were made.
  template <int kLane, bool kStored>
  std::uint64_t finish(std::uint64_t i, std::uint64_t count, unsigned most_bits, unsigned shift) {
    constexpr unsigned kShort = kLane == 0 ? 0 : kShortBits / (8 / std::max(kLane, 1));
    const bool is_long = most_bits > kShort;
    count = block_.fill_escaped(job_, kLane, is_long ? 8 * kLane : kShort, shift, i, count);
    if constexpr (kLane != 0) {
      job_.low.at +=
          is_long ? block_.template deposit<kLane, true>(job_.low.begin, job_.low.at, count)
                  : block_.template deposit<kLane, false>(job_.low.begin, job_.low.at, count);
    }
    combine<kLane, kStored>(i, count, shift);
    block_.for_each_whole([&](std::uint64_t at) { put_whole(job_.element + i + at); });
    return count;
  }

  template <int kLane, bool kStored>
  void combine(std::uint64_t begin, std::uint64_t count, unsigned shift) const {
    const std::uint64_t place = job_.element + begin;
    const unsigned rows = rows_above(place);
    const V centre = Lane::set1(job_.centre);
    const __m128i common = _mm_cvtsi32_si128(static_cast<int>(shift));
    for (std::uint64_t i = 0; i < count; i += kCount) {
      V value = load(block_.bases(i));
      V fields = V{};
      if constexpr (kLane != 0) fields = load_fields<kLane>(i);
      V lower = kStored ? Lane::half(fields) : fields;
      if constexpr (kBytes == 4 && kLane != 4) {
        if constexpr (kLane != 0) {
          lower = _mm256_sllv_epi32(lower, Lane::load_bytes(block_.shifts(i)));
        }
      } else if constexpr (kBytes == 2 && kLane == 1) {
        lower = _mm256_sll_epi16(lower, common);
      }
      if constexpr (kKind == Kind::kFloat) {
        value = _mm256_or_si256(value, lower);
        if constexpr (kStored) value = _mm256_or_si256(value, Lane::sign_of_lowest(fields));
      } else if constexpr (kStored) {
        const V sign = Lane::sub(V{}, _mm256_and_si256(fields, Lane::set1(1)));
        value = Lane::sub(_mm256_xor_si256(_mm256_or_si256(value, lower), sign), sign);
      } else {
        value = Lane::add(value, _mm256_xor_si256(lower, Lane::load_signs(block_.signs(i))));
      }
      if constexpr (kKind == Kind::kInteger || kKind == Kind::kScaled) {
        value = Lane::add(value, centre);
      }
      if constexpr (kDifference) {
        value = Lane::add(value, predicted(place + i, rows));
        if (model_.has_ordered_floats()) value = Lane::order(value);
      }
      put(begin + i, value);
    }
  }

  template <int kLane>
  BBZ_AVX2_INLINE V load_fields(std::uint64_t i) const {
    const std::uint8_t* const p = block_.template fields<kLane>(i);
    if constexpr (kLane == kBytes) return load(p);
    if constexpr (kLane == 1) return Lane::load_bytes(p);
    return _mm256_cvtepu16_epi32(load_half(p));
  }

  BBZ_AVX2_INLINE V above(std::uint64_t place, unsigned rows) const {
    const V elements = load(job_.out + (place - rows * job_.width) * kBytes);
    return model_.has_ordered_floats() ? Lane::order(elements) : elements;
  }
  BBZ_AVX2_INLINE V predicted(std::uint64_t place, unsigned rows) const {
    if (rows == 0) return V{};
    const V once = above(place, 1);
    return rows == 1 ? once : Lane::sub(Lane::add(once, once), above(place, 2));
  }

  BBZ_AVX2_INLINE void put(std::uint64_t i, V elements) const {
    const std::uint64_t place = job_.element + i;
    if constexpr (kKind == Kind::kScaled) {
      put_products(job_, i, elements);
    } else if (kBytes == 1 && model_.bits == 4) {
      const V nibbles = _mm256_and_si256(elements, set_bytes(15));
      const V bytes = _mm256_maddubs_epi16(nibbles, _mm256_set1_epi16(0x1001));
      const V packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(bytes, bytes), 0xD8);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(job_.out + place / 2),
                       _mm256_castsi256_si128(packed));
    } else {
      store(job_.out + place * kBytes, elements);
    }
  }

  // Puts the next whole element in the place of another.
  void put_whole(std::uint64_t place) {
    if (model_.bits == 4) {
      const int shift = place % 2 == 0 ? 0 : 4;
      std::uint8_t& byte = job_.out[place / 2];
      byte = static_cast<std::uint8_t>((byte & ~(15 << shift)) | *job_.wholes.at << shift);
      ++job_.wholes.at;
      return;
    }
    const std::size_t size = model_.whole_bytes();
    std::memcpy(job_.out + place * size, job_.wholes.at, size);
    job_.wholes.at += size;
  }

  MergeJob& job_;
  const Model model_;
  Block<kBytes> block_;
};

}  // namespace bbz::codec::number::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
