// The sizes of numbers beside their entropy, given the scale of their row or the row above.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace bbz::codec
