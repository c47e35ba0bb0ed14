#include "bbz/symmetry/bitsback/internal/rotation.h"
#include "bbz/symmetry/linalg/product.h"

#include <gtest/gtest.h>

#include <cmath>

#include "symmetry/bitsback/junctions.h"

namespace bbz::bitsback {
namespace {

TEST(Rotation, PayloadComesBackForEverySize) {
  for (const std::uint64_t width : {2, 3, 9, 12}) {
    for (int bits = 1; bits <= kMostBits; ++bits) {
      const std::uint64_t most = capacity_bits(width, bits) / 8;
      for (const std::uint64_t size : {std::uint64_t{0}, most / 2, most}) {
        const auto payload = random_bytes(width + size, size);
        const auto coordinates = draw_coordinates(width, bits, 7, payload);
        ASSERT_EQ(coordinates.size(), width * (width - 1) / 2);
        for (const std::uint32_t n : coordinates) ASSERT_LT(n, 1U << bits);
        const auto back = payload_of(coordinates, bits, 7, size);
        ASSERT_TRUE(back.ok()) << back.error().message;
        ASSERT_EQ(*back, payload) << width << ' ' << bits << ' ' << size;
      }
    }
  }
}

TEST(Rotation, PaddingMustBeZero) {
  const std::vector<std::byte> payload = {std::byte{1}, std::byte{2}, std::byte{3}};
  const auto coordinates = draw_coordinates(4, 8, 0, payload);
  EXPECT_TRUE(payload_of(coordinates, 8, 0, 3).ok());
  EXPECT_FALSE(payload_of(coordinates, 8, 0, 2).ok());
}

// Runs of equal bytes must not draw extreme coordinates.
TEST(Rotation, PayloadIsWhitened) {
  const std::vector<std::byte> zeros(400);
  double sum = 0;
  const auto coordinates = draw_coordinates(30, 7, 0, zeros);
  for (const std::uint32_t n : coordinates) sum += n;
  EXPECT_NEAR(sum / static_cast<double>(coordinates.size()), 63.5, 6);
}

TEST(Rotation, GridIsCenteredAndCoversTheRange) {
  for (const double range : {0.03, 0.1, 0.24, 0.99, 1.2}) {
    for (const int bits : {1, 8, 16}) {
      const Grid grid = grid_covering(range, bits);
      ASSERT_TRUE(valid(grid)) << range << ' ' << bits;
      const std::uint32_t last = (1U << bits) - 1;
      EXPECT_EQ(grid.value(0), -grid.value(last));
      EXPECT_NEAR(grid.value(last) + grid.step() / 2, range, range / 100);
      EXPECT_EQ(grid.value(1) - grid.value(0), grid.step());
    }
  }
}

TEST(Rotation, GridOutOfRangeIsInvalid) {
  EXPECT_TRUE(valid({12, 200, 20}));
  EXPECT_FALSE(valid({0, 200, 20}));
  EXPECT_FALSE(valid({25, 200, 30}));
  EXPECT_FALSE(valid({12, 127, 20}));
  EXPECT_FALSE(valid({12, 256, 20}));
  EXPECT_FALSE(valid({12, 200, 34}));  // step below 2^-24
  EXPECT_FALSE(valid({12, 200, 17}));  // parameters above 4
}

struct Drawn12 {
  Grid grid = grid_covering(0.5, 12);
  std::vector<std::uint32_t> coordinates = draw_coordinates(12, 12, 0, random_bytes(1, 99));
};

TEST(Rotation, ParametersComeBack) {
  const Drawn12 drawn;
  const auto rotation = rotation_at(12, drawn.grid, drawn.coordinates);
  ASSERT_TRUE(rotation.ok());
  EXPECT_LT((linalg::gram(*rotation, linalg::Op::kTransposed) - Matrix::Identity(12, 12)).norm(),
            1e-12);
  const auto parameters = parameters_of(*rotation);
  ASSERT_TRUE(parameters.ok());
  EXPECT_NEAR((*parameters)(1, 0), drawn.grid.value(drawn.coordinates[0]), 1e-13);
  EXPECT_NEAR((*parameters)(2, 1), drawn.grid.value(drawn.coordinates[2]), 1e-13);
  EXPECT_NEAR((*parameters)(1, 2), -drawn.grid.value(drawn.coordinates[2]), 1e-13);
}

// The corrections lead back despite noise in the parameters, also for a decoder whose
// arithmetic differs by less than the margin.
TEST(Rotation, CorrectionsLeadBack) {
  const Drawn12 drawn;
  Words words(4);
  int odd = 0;
  for (const double steps : {0.0, 0.3, 1.0, 40.0}) {
    Matrix seen = Matrix::Zero(12, 12);
    std::size_t q = 0;
    for (Eigen::Index i = 1; i < 12; ++i) {
      for (Eigen::Index j = 0; j < i; ++j, ++q) {
        const double off = q % 5 == 0 ? 0.5 + 1e-9 : steps * words.normal();
        seen(i, j) = drawn.grid.value(drawn.coordinates[q]) + off * drawn.grid.step();
      }
    }
    const auto corrections = corrections_for(drawn.grid, seen, drawn.coordinates);
    for (const std::int32_t correction : corrections) odd += correction & 1;
    for (const double noise : {0.0, 0.49 * kGridMargin, -0.49 * kGridMargin}) {
      const Matrix elsewhere = seen.array() + noise;
      const auto back = coordinates_from(drawn.grid, elsewhere, corrections);
      ASSERT_TRUE(back.ok()) << back.error().message;
      EXPECT_EQ(*back, drawn.coordinates);
    }
  }
  EXPECT_GT(odd, 40);  // those half a step off, at least
}

TEST(Rotation, HalfwayAndOffTheGridAreRefused) {
  const Grid grid = grid_covering(0.5, 4);
  const std::vector<std::int32_t> none = {0};
  Matrix seen = Matrix::Zero(2, 2);  // between the middle two of sixteen points
  EXPECT_FALSE(coordinates_from(grid, seen, none).ok());
  seen(1, 0) = grid.value(15) + grid.step();
  EXPECT_FALSE(coordinates_from(grid, seen, none).ok());
  seen(1, 0) = std::nan("");
  EXPECT_FALSE(coordinates_from(grid, seen, none).ok());
  seen(1, 0) = grid.value(15) + 0.2 * grid.step();
  EXPECT_TRUE(coordinates_from(grid, seen, none).ok());
}

TEST(Rotation, MinusOneHasNoParameters) {
  EXPECT_FALSE(parameters_of(-Matrix::Identity(4, 4)).ok());
}

}  // namespace
}  // namespace bbz::bitsback
