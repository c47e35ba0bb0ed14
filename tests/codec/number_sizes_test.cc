// The sizes of numbers beside their entropy, given the scale of their row or the row above.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "bbz/codec/codec.h"
#include "codec/generate_numbers.h"

namespace bbz::codec {
namespace {

TEST(NumberSizes, AreNearTheConditionalEntropy) {
  for (const NumbersCase& which : numbers_cases()) {
    SCOPED_TRACE(which.name);
    const Numbers numbers = make_numbers(which);
    std::vector<std::byte> payload;
    const CodecId id = encode(numbers.shape, numbers.bytes, {}, payload);
    std::vector<std::byte> out(numbers.bytes.size());
    ASSERT_TRUE(decode(id, numbers.shape, payload, out).ok());
    EXPECT_TRUE(out == numbers.bytes);
    EXPECT_GE(payload.size(), 1000000u);
    const double ratio = 8 * static_cast<double>(payload.size()) / numbers.entropy;
    EXPECT_LT(ratio, which.bound) << find_codec(id)->name;
    // Else the entropy would be none.
    EXPECT_GT(ratio, 0.995);
  }
}

// Clears the bits of each row of F16 below half a unit in the last place of its largest element.
void clear_below_floor(std::vector<std::uint16_t>& rows, std::size_t width) {
  constexpr unsigned kMantissa = 10;
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    unsigned top = 0;
    for (std::size_t i = begin; i < begin + width; ++i) {
      top = std::max(top, unsigned{rows[i]} >> kMantissa & 31u);
    }
    for (std::size_t i = begin; i < begin + width; ++i) {
      const unsigned exponent = unsigned{rows[i]} >> kMantissa & 31u;
      const unsigned bits = top - 1 > exponent ? top - 1 - exponent : 0;
      rows[i] = bits > kMantissa ? std::uint16_t{0}
                                 : static_cast<std::uint16_t>(rows[i] & ~((1u << bits) - 1));
    }
  }
}

// A look at a chunk finds the floor of its rows: each is that of a few elements far below the largest.
TEST(NumberSizes, AFloorOfRowsIsFound) {
  const NumbersCase dense = {"dense", DType::kF16, NumbersCase::Draw::kRounded, 1 << 18, {10, -14}};
  Numbers numbers = make_numbers(dense);
  std::vector<std::byte> whole, floored;
  EXPECT_EQ(encode(numbers.shape, numbers.bytes, {}, whole), CodecId::kSplitFloat);
  std::vector<std::uint16_t> elements(numbers.bytes.size() / 2);
  std::memcpy(elements.data(), numbers.bytes.data(), numbers.bytes.size());
  clear_below_floor(elements, numbers.shape.row_length);
  std::memcpy(numbers.bytes.data(), elements.data(), numbers.bytes.size());
  for (const Level level : {Level::kFast, Level::kDefault}) {
    EXPECT_EQ(encode(numbers.shape, numbers.bytes, {level}, floored), CodecId::kSplitNumber);
    EXPECT_LT(floored.size() * 20, whole.size() * 19);
  }
}

}  // namespace
}  // namespace bbz::codec
