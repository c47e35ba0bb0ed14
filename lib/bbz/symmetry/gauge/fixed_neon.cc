// Derives shortcuts on arm64, with instructions that every machine has.
#include "bbz/symmetry/gauge/internal/fixed_kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstring>

namespace bbz::gauge {
namespace {

// Adds the products of a pair of columns of F to the sums of row kRow and eight columns.
template <int kRow>
void add_products(int32x4_t* sums, int16x8_t a, int16x8_t even, int16x8_t odd) {
  int32x4_t& low = sums[2 * kRow];
  int32x4_t& high = sums[2 * kRow + 1];
  low = vmlal_laneq_s16(low, vget_low_s16(even), a, 2 * kRow);
  low = vmlal_laneq_s16(low, vget_low_s16(odd), a, 2 * kRow + 1);
  high = vmlal_high_laneq_s16(high, even, a, 2 * kRow);
  high = vmlal_high_laneq_s16(high, odd, a, 2 * kRow + 1);
}

// Multiplies 4 rows by 8.
void multiply_part(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums) {
  constexpr std::size_t kRows = 4;
  int32x4_t sum[2 * kRows];
  for (int32x4_t& four : sum) four = vdupq_n_s32(0);
  for (std::size_t k = 0; k < pairs; ++k, a += kPairWords, b += kPairWords) {
    const int16x8_t rows = vld1q_s16(a);
    const int16x8x2_t columns = vld2q_s16(b);
    add_products<0>(sum, rows, columns.val[0], columns.val[1]);
    add_products<1>(sum, rows, columns.val[0], columns.val[1]);
    add_products<2>(sum, rows, columns.val[0], columns.val[1]);
    add_products<3>(sum, rows, columns.val[0], columns.val[1]);
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    vst1q_s32(sums + i * kGroupRows, sum[2 * i]);
    vst1q_s32(sums + i * kGroupRows + 4, sum[2 * i + 1]);
  }
}

// Converts to float, rounding to odd: see fixed_avx2.cc.
float32x4_t to_float(int32x4_t x) {
  const uint32x4_t large = vcgeq_s32(vabsq_s32(x), vdupq_n_s32(1 << 24));
  const int32x4_t low = vandq_s32(x, vdupq_n_s32(0xff));
  const int32x4_t odd = vandq_s32(vreinterpretq_s32_u32(vtstq_s32(low, low)), vdupq_n_s32(0x100));
  const int32x4_t kept = vorrq_s32(vsubq_s32(x, low), odd);
  return vmulq_n_f32(vcvtq_f32_s32(vbslq_s32(large, kept, x)), 0x1p-30F);
}

uint16x4_t to_f16(float32x4_t x) {
  return vreinterpret_u16_f16(vcvt_f16_f32(x));
}

uint16x4_t to_bf16(float32x4_t x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x);
  const uint32x4_t even = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  return vshrn_n_u32(vaddq_u32(bits, vaddq_u32(even, vdupq_n_u32(0x7fff))), 16);
}

}  // namespace

bool to_fixed_neon(const std::byte* elements, std::size_t count, std::int16_t* fixed) {
  constexpr std::size_t kStep = 4;
  uint32x4_t right = vdupq_n_u32(~0U);
  int64x2_t squares = vdupq_n_s64(0);
  for (std::size_t k = 0; k < count; k += kStep) {
    const std::size_t here = k + kStep <= count ? kStep : count - k;
    std::uint16_t bits[kStep] = {};
    std::memcpy(bits, elements + 2 * k, 2 * here);
    const float32x4_t units =
        vmulq_n_f32(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(bits))), 0x1p15F);
    const int32x4_t whole = vcvtnq_s32_f32(units);  // the largest if too large; 0 if NaN
    const int16x4_t values = vqmovn_s32(whole);
    right = vandq_u32(right, vceqq_f32(vcvtq_f32_s32(whole), units));
    right = vandq_u32(right, vceqq_s32(vmovl_s16(values), whole));
    squares = vpadalq_s32(squares, vmull_s16(values, values));
    std::int16_t four[kStep];
    vst1_s16(four, values);
    std::memcpy(fixed + k, four, 2 * here);
  }
  return vminvq_u32(right) != 0 && vaddvq_s64(squares) < std::int64_t{1} << 31;
}

void multiply_neon(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                   std::int32_t* sums) {
  for (std::size_t i = 0; i < kTileRows; i += 4) {
    for (std::size_t j = 0; j < kGroupRows; j += 8) {
      multiply_part(a + 2 * i, b + 2 * j, pairs, sums + i * kGroupRows + j);
    }
  }
}

void round_neon(const std::int32_t* square, bool bf16, std::uint16_t* rounded,
                std::uint16_t* mirrored) {
  for (std::size_t i = 0; i < kGroupRows; ++i) {
    for (std::size_t j = 0; j < kGroupRows; j += 4) {
      const float32x4_t x = to_float(vnegq_s32(vld1q_s32(square + i * kGroupRows + j)));
      vst1_u16(rounded + i * kWindowRows + j, bf16 ? to_bf16(x) : to_f16(x));
    }
  }
  for (std::size_t i = 0; i < kGroupRows; ++i) {
    for (std::size_t j = 0; j < kGroupRows; ++j) {
      mirrored[j * kWindowRows + i] = rounded[i * kWindowRows + j];
    }
  }
}

}  // namespace bbz::gauge

#endif  // defined(__aarch64__)
