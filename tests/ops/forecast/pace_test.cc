// What is measured on a part of one tensor, told for others. No test says how long anything takes.
#include "bbz/ops/forecast/internal/pace.h"

#include <gtest/gtest.h>

namespace bbz::forecast {
namespace {

class MeasuredPace : public testing::Test {
 protected:
  static constexpr std::uint64_t kRows = 128, kWidth = 64;

  MeasuredPace() {
    std::vector<std::byte> bytes = made_up_bytes(2 * kRows * kWidth, 1);
    // Numbers from 0.5 to 1.
    for (std::size_t i = 1; i < bytes.size(); i += 2)
      bytes[i] = std::byte{0x38} | (bytes[i] & std::byte{0x83});
    pace_.measure(info_, Role::kReads, bytes, Matrix::Identity(kWidth, kWidth));
  }

  Sizes rotating(std::uint64_t rows, std::uint64_t width, Role role = Role::kReads) {
    TensorInfo info = info_;
    info.shape[0] = rows;
    return pace_.rotating(info, role, width);
  }

  TensorInfo info_{"w", DType::kF16, {kRows, kWidth}};
  Pace pace_{1};
};

TEST_F(MeasuredPace, IsTheSameForEveryFloorButNone) {
  const Sizes seconds = rotating(kRows, kWidth);
  EXPECT_EQ(seconds[1], seconds[2]);
}

TEST_F(MeasuredPace, GrowsWithTheElementsAndTheWidth) {
  const Sizes once = rotating(kRows, kWidth);
  const Sizes rows = rotating(2 * kRows, kWidth);
  const Sizes wide = rotating(kRows, 2 * kWidth), wider = rotating(kRows, 3 * kWidth);
  for (std::size_t f = 0; f < kFloors.size(); ++f) {
    EXPECT_DOUBLE_EQ(rows[f], 2 * once[f]);
    EXPECT_GT(wide[f], once[f]);
    EXPECT_NEAR(wider[f] - wide[f], wide[f] - once[f], 1e-9 * wider[f]);
  }
}

TEST_F(MeasuredPace, StandsInForRolesThatWereNotMeasured) {
  EXPECT_EQ(rotating(kRows, kWidth, Role::kWrites), rotating(kRows, kWidth));
}

TEST_F(MeasuredPace, IsNothingForATensorThatIsNotRotated) {
  EXPECT_EQ(rotating(kRows, 0), Sizes{});
}

}  // namespace
}  // namespace bbz::forecast
