// Decoding with inexact arithmetic: the frames are disturbed far beyond what any machine's rounding
// can do, and the riders are the same.
#include <gtest/gtest.h>

#include "bbz/symmetry/bitsback/internal/record.h"
#include "bbz/symmetry/linalg/inverse.h"
#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

void disturb(Matrix& x, double noise, Words& words) {
  for (double& value : x.reshaped()) value += noise * words.normal();
}

// decode(), with noise added to the rough frame, the sum and the frame.
Result<std::vector<std::byte>> decode_disturbed(const Junction& junction, Bytes bytes, double noise,
                                                std::uint64_t seed) {
  Words words(seed);
  const auto carriers = junction.carriers();
  BBZ_ASSIGN(const Operand operand, Operand::open(junction.width, carriers));
  BBZ_ASSIGN(const Record record, decode_record(bytes, junction.width, operand.columns()));
  ListedDecider following(record.listed);
  const auto exponents = column_exponents(operand, following);
  Matrix rough = rough_frame(operand, exponents, record.seed);
  disturb(rough, noise, words);
  Matrix frame = weighted_sum(operand, exponents, rough, record.row_exponents, following);
  EXPECT_TRUE(linalg::polarise(frame));
  disturb(frame, noise, words);
  return read_payload(record, frame);
}

void expect_riders_through_noise(const Junction& junction) {
  const auto plan = plan_junction(junction.width, junction.carriers());
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  const auto riders = random_bytes(2, capacity_bytes(*plan));
  const auto drawn = encode(*plan, junction.carriers(), riders);
  ASSERT_TRUE(drawn.ok()) << drawn.error().message;
  const Junction kept = stored(junction, *drawn);
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    for (const double noise : {0.0, 1e-12, 1e-10, 1e-9}) {
      const auto back = decode_disturbed(kept, drawn->record, noise, seed);
      ASSERT_TRUE(back.ok()) << noise << ' ' << back.error().message;
      EXPECT_EQ(*back, riders) << noise;
    }
  }
  // Noise that reaches the grid is an error or harmless, never other riders.
  for (const double noise : {1e-8, 1e-7, 1e-5, 1e-3}) {
    const auto back = decode_disturbed(kept, drawn->record, noise, 9);
    if (back.ok()) {
      EXPECT_EQ(*back, riders) << noise;
    }
  }
}

TEST(Noise, NormalCarriers) {
  for (const std::size_t width : {16, 56, 160}) {
    SCOPED_TRACE(width);
    expect_riders_through_noise(normal_junction(DType::kF16, width, 4 * width));
  }
}

TEST(Noise, FineType) {
  expect_riders_through_noise(normal_junction(DType::kF32, 56, 200));
}

TEST(Noise, UnevenAxes) {
  expect_riders_through_noise(normal_junction(DType::kF16, 56, 150, 1, 4));
}

}  // namespace
}  // namespace bbz::bitsback
