// The size of a rotated tensor, from some of its rows.
#include "bbz/ops/forecast/internal/dense.h"

#include <gtest/gtest.h>

namespace bbz::forecast {
namespace {

// A rotation that changes nothing leaves the size that the whole has, although a sample takes more for its tables.
TEST(SampledRows, AreCorrectedByWhatASampleOfTheTensorAsItIsIsOff) {
  for (const auto& [role, shape] :
       {std::pair{Role::kReads, Shape{4096, 64}}, {Role::kWrites, Shape{512, 512}}}) {
    const TensorInfo info{"w", DType::kF16, shape};
    std::vector<std::byte> bytes = made_up_bytes(2 * shape[0] * shape[1], 1);
    // Numbers from 0.5 to 1.
    for (std::size_t i = 1; i < bytes.size(); i += 2)
      bytes[i] = std::byte{0x38} | (bytes[i] & std::byte{0x83});
    const auto width = static_cast<Index>(shape[junction::role_axis(role)]);
    ASSERT_LT(sampled_rows(info, 0.1).size(), shape[0] / 4);
    const auto whole = coded_bytes(dense_spec(info.dtype, shape[0], shape[1]), bytes);
    const auto sampled = rotated_bytes(info, role, bytes, Matrix::Identity(width, width), 0.1);
    ASSERT_TRUE(whole.ok() && sampled.ok());
    EXPECT_NEAR((*sampled)[0], *whole, 1e-6 * *whole);
  }
}

}  // namespace
}  // namespace bbz::forecast
