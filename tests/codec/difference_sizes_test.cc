// The size of differences beside the entropy of the differences of ordered integers, given the
// exponent of the base.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "bbz/codec/codec.h"
#include "bbz/codec/difference/ordered.h"
#include "codec/generate.h"

namespace bbz::codec {
namespace {

// Returns the conditional entropy of a chunk in bytes.
template <class T>
double entropy_of(DType dtype, Bytes plain, Bytes base) {
  const DTypeInfo& info = dtype_info(dtype);
  const unsigned mask = (1u << info.layout.exponent_bits) - 1;
  std::vector<std::uint64_t> events;
  for (std::size_t at = 0; at < plain.size(); at += sizeof(T)) {
    T a;
    T b;
    std::memcpy(&a, base.data() + at, sizeof(T));
    std::memcpy(&b, plain.data() + at, sizeof(T));
    const T d = difference::fold(static_cast<T>(difference::turn(b) - difference::turn(a)));
    events.push_back(std::uint64_t{a >> info.layout.mantissa_bits & mask} << 32 | d);
  }
  std::ranges::sort(events);
  double bits = 0;
  for (std::size_t i = 0; i < events.size();) {
    const std::uint64_t exponent = events[i] >> 32;
    const std::size_t first = i;
    double sum = 0;
    while (i < events.size() && events[i] >> 32 == exponent) {
      const std::size_t begin = i;
      while (i < events.size() && events[i] == events[begin]) ++i;
      const auto count = static_cast<double>(i - begin);
      sum += count * std::log2(count);
    }
    const auto all = static_cast<double>(i - first);
    bits += all * std::log2(all) - sum;
  }
  return bits / 8;
}

double entropy_of(DType dtype, Bytes plain, Bytes base) {
  switch (dtype_info(dtype).bits) {
    case 8:
      return entropy_of<std::uint8_t>(dtype, plain, base);
    case 16:
      return entropy_of<std::uint16_t>(dtype, plain, base);
    default:
      return entropy_of<std::uint32_t>(dtype, plain, base);
  }
}

TEST(DifferenceSizes, AreNearTheConditionalEntropy) {
  struct Case {
    DType dtype;
    std::uint64_t elements;
    double step;
    unsigned kept;
  };
  for (const Case& c :
       {Case{DType::kBF16, 2500000, 1.5e-4, 0}, Case{DType::kF16, 3200000, 1e-5, 0},
        Case{DType::kF16, 1500000, 1e-4, 0}, Case{DType::kF32, 1000000, 1e-7, 0},
        Case{DType::kF32, 1000000, 1e-6, 0}, Case{DType::kF32, 1300000, 1e-6, 128},
        Case{DType::kF8E4M3, 5000000, 1.5e-3, 0}, Case{DType::kF8E5M2, 6000000, 1e-3, 0}}) {
    SCOPED_TRACE(dtype_info(c.dtype).name);
    SCOPED_TRACE(c.step);
    const auto base = gaussian_rows(c.dtype, c.elements, 4000, 1);
    const auto plain = descendant(c.dtype, base, c.step, 2, c.kept);
    std::vector<std::byte> payload;
    EXPECT_EQ(encode_on_base({c.dtype, c.elements, 4000, 0}, plain, base, {}, payload),
              CodecId::kDifference);
    const double entropy = entropy_of(c.dtype, plain, base);
    EXPECT_GT(payload.size(), 1000000u);
    EXPECT_LT(static_cast<double>(payload.size()), 1.03 * entropy)
        << static_cast<double>(payload.size()) / entropy;
  }
}

}  // namespace
}  // namespace bbz::codec
