// Spreads elements out on x86-64 with AVX2, 16 bytes at a time: a table has the shuffle for each choice of
// zeros. The code for them is between two pragmas, after all headers, so that no inline function of a
// header is compiled for them.
#include "bbz/symmetry/internal/spread.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>

namespace bbz::symmetry {
namespace {

// What a choice of zeros among the elements of 16 bytes asks for.
struct alignas(16) Shuffle {
  std::array<std::uint8_t, 16> from{};  // the byte that goes there, or 80 hex for zero
};
template <std::size_t kSize>
struct Shuffles {
  static constexpr unsigned kLanes = 16 / kSize;

  constexpr Shuffles() {
    for (unsigned zeros = 0; zeros < 1u << kLanes; ++zeros) {
      unsigned next = 0;
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        const bool zero = (zeros >> lane & 1) != 0;
        for (unsigned byte = 0; byte < kSize; ++byte) {
          shuffles[zeros].from[lane * kSize + byte] =
              static_cast<std::uint8_t>(zero ? 0x80 : next * kSize + byte);
        }
        next += zero ? 0 : 1;
      }
      taken[zeros] = static_cast<std::uint8_t>(next);
    }
  }

  std::array<Shuffle, std::size_t{1} << kLanes> shuffles{};
  std::array<std::uint8_t, std::size_t{1} << kLanes> taken{};
};
template <std::size_t kSize>
constexpr Shuffles<kSize> kShuffles;

}  // namespace
}  // namespace bbz::symmetry

// clang-format off
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
// clang-format on

namespace bbz::symmetry {
namespace {

template <std::size_t kSize>
std::uint64_t spread_by_table(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                              std::byte* out, Spread rest) {
  constexpr unsigned kLanes = Shuffles<kSize>::kLanes;
  const std::byte* next = from;
  for (; count >= kLanes; count -= kLanes, zeros >>= kLanes, out += 16) {
    const std::uint64_t choice = zeros & ((1u << kLanes) - 1);
    const __m128i shuffle =
        _mm_load_si128(reinterpret_cast<const __m128i*>(&kShuffles<kSize>.shuffles[choice]));
    const __m128i elements = _mm_loadu_si128(reinterpret_cast<const __m128i*>(next));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_shuffle_epi8(elements, shuffle));
    next += kShuffles<kSize>.taken[choice] * kSize;
  }
  const auto taken = static_cast<std::uint64_t>(next - from) / kSize;
  return taken + rest(zeros, count, next, out);
}

}  // namespace

std::uint64_t spread2_avx2(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                           std::byte* out) {
  return spread_by_table<2>(zeros, count, from, out, spread2);
}
std::uint64_t spread4_avx2(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                           std::byte* out) {
  return spread_by_table<4>(zeros, count, from, out, spread4);
}

}  // namespace bbz::symmetry

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif  // defined(__x86_64__)
