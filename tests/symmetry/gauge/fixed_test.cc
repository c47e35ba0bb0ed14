// Deriving a shortcut by integers gives the bytes that float64 gives, with every kernel that this
// machine has, with AVX-512 emulated, and on any number of threads.
#include "bbz/symmetry/gauge/internal/fixed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bbz/symmetry/gauge/internal/shortcut.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::gauge {

#if defined(__x86_64__)
void emulated_multiply_avx512_vnni(const std::int16_t* a, const std::int16_t* b, std::size_t pairs,
                                   std::int32_t* sums);
void emulated_permute_avx512(const std::uint16_t* words, const std::uint16_t* from,
                             std::size_t count, std::byte* out);
#endif

namespace {

// A form whose packed entries are `values`, of any rows, with the first rows as pivots.
PolarForm form_of(std::uint64_t rows, std::uint64_t cols, std::uint64_t rank, DType dtype,
                  const std::vector<double>& values) {
  PolarForm form{rows, cols, dtype, {}, {}};
  for (std::uint64_t k = 0; k < rank; ++k) {
    form.pivots.push_back(static_cast<std::uint32_t>((k * 5 + 3) % rows));
  }
  form.factor.resize(2 * factor_count(rows, rank));
  linalg::store({values.data(), factor_count(rows, rank)}, DType::kF16, form.factor);
  return form;
}

// Entries of every magnitude, such that a row's squares sum to little less than 2.
PolarForm random_form(std::uint64_t rows, std::uint64_t cols, std::uint64_t rank, DType dtype) {
  std::mt19937 random(1);
  const double most = 0.999 * std::sqrt(2.0 / static_cast<double>(rank));
  std::vector<double> values(factor_count(rows, rank));
  for (double& value : values) {
    const double size = std::ldexp(most, -static_cast<int>(random() % 12));
    const double units = std::floor(std::min(size, 0.999) * 0x1p15);
    value = (random() % 4 == 0 ? -units : units) * 0x1p-15;
    // To what F16 can hold, without a row that is too long.
    while (linalg::round_to(DType::kF16, value) != value) {
      value -= std::copysign(0x1p-15, value);
    }
  }
  return form_of(rows, cols, rank, dtype, values);
}

// Those of the machine and, if it has AVX2, which that of AVX-512 is built on, that one
// emulated.
std::vector<FixedKernel> tested_kernels() {
  std::vector<FixedKernel> tested;
  for (const FixedKernel* kernel : fixed_kernels()) tested.push_back(*kernel);
#if defined(__x86_64__)
  if (!tested.empty()) {
    FixedKernel emulated = tested.back();
    emulated.name = "avx512-vnni, emulated";
    emulated.multiply = emulated_multiply_avx512_vnni;
    emulated.permute = emulated_permute_avx512;
    tested.push_back(emulated);
  }
#endif
  return tested;
}

void expect_as_by_float64(const PolarForm& form) {
  std::vector<std::byte> expected(form.rows * form.cols * 2);
  std::vector<std::byte> found(expected.size(), std::byte{0x55});
  ASSERT_TRUE(check_polar(form).ok()) << check_polar(form).error().message;
  const Status derived = write_shortcut_by_float64(form, expected);
  ASSERT_TRUE(derived.ok()) << derived.error().message;
  for (const FixedKernel& kernel : tested_kernels()) {
    for (const std::size_t threads : {1, 3}) {
      parallel::ThreadPool pool(threads);
      ASSERT_TRUE(write_shortcut_by_integers(form, kernel, &pool, found));
      EXPECT_EQ(found, expected) << kernel.name << ", " << threads << " threads";
    }
  }
  if (fixed_kernels().empty()) GTEST_SKIP() << "this machine has no kernel but float64";
}

class Fixed : public testing::TestWithParam<DType> {};

TEST_P(Fixed, GivesTheBytesOfFloat64) {
  for (const auto& [rows, cols, rank] : {std::array<std::uint64_t, 3>{17, 17, 1},
                                         {17, 20, 2},
                                         {48, 48, 3},
                                         {49, 49, 8},
                                         {97, 101, 31},
                                         {192, 192, 60},
                                         {193, 200, 7},
                                         {500, 500, 40},
                                         {432, 432, 200},
                                         {40, 44, 0}}) {
    expect_as_by_float64(random_form(rows, cols, rank, GetParam()));
  }
}

TEST_P(Fixed, IsRightAtTheLargestSums) {
  std::vector<double> values;
  for (int i = 0; i < 600; ++i) values.push_back(i % 2 == 0 ? 0.99951171875 : -0.99951171875);
  expect_as_by_float64(form_of(60, 60, 2, GetParam(), values));
}

TEST_P(Fixed, LeavesToFloat64WhatDoesNotFit) {
  const std::size_t count = factor_count(60, 1);
  std::vector<std::byte> out(2 * 60 * 60);
  for (const double odd : {1.0, 1.25, 0x1p-16, 65504.0, std::nan(""), HUGE_VAL}) {
    std::vector<double> values(count, 0.25);
    values[5] = odd;
    const PolarForm form = form_of(60, 60, 1, GetParam(), values);
    for (const FixedKernel* kernel : fixed_kernels()) {
      EXPECT_FALSE(write_shortcut_by_integers(form, *kernel, nullptr, out)) << odd;
    }
    EXPECT_EQ(write_shortcut(form, nullptr, out).ok(), odd == 1.0 || odd == 1.25) << odd;
  }
  // A row whose squares sum to 2 exactly.
  std::vector<double> values(factor_count(60, 2), -1.0);
  const PolarForm form = form_of(60, 60, 2, GetParam(), values);
  for (const FixedKernel* kernel : fixed_kernels()) {
    EXPECT_FALSE(write_shortcut_by_integers(form, *kernel, nullptr, out));
  }
  EXPECT_TRUE(write_shortcut(form, nullptr, out).ok());
}

INSTANTIATE_TEST_SUITE_P(All, Fixed, testing::Values(DType::kF16, DType::kBF16),
                         [](const auto& row) { return std::string(dtype_info(row.param).name); });

}  // namespace
}  // namespace bbz::gauge
