#include "bbz/symmetry/linalg/dot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "bbz/base/cpu.h"

namespace bbz::linalg {
namespace {

// Operands of which no two terms are alike, with room for a start that is not aligned.
struct Operands {
  std::vector<float> a;
  std::vector<double> b;
  explicit Operands(Index n) {
    std::mt19937 random(7);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (Index k = 0; k < n; ++k) {
      a.push_back(static_cast<float>(uniform(random)));
      b.push_back(uniform(random));
    }
  }
};

using Dot = double(const float*, const double*, Index);

std::vector<Dot*> all() {
  std::vector<Dot*> found = {dot, dot_portable};
#if defined(__x86_64__)
  if (cpu::features().avx2 && cpu::features().fma) found.push_back(dot_avx2);
#endif
  return found;
}

TEST(Dot, IsTheSumOfAllTermsInDouble) {
  constexpr Index kMost = 3333;
  const Operands operands(kMost + 1);
  for (const Index n : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 100, 1000, 3333}) {
    for (const Index first : {0, 1}) {
      long double sum = 0, size = 0;
      for (Index k = 0; k < n; ++k) {
        const auto i = static_cast<std::size_t>(first + k);
        const long double term = static_cast<long double>(operands.a[i]) * operands.b[i];
        sum += term;
        size += std::abs(term);
      }
      for (Dot* const one : all()) {
        const double found = one(operands.a.data() + first, operands.b.data() + first, n);
        EXPECT_NEAR(found, static_cast<double>(sum), 1e-14 * static_cast<double>(size)) << n;
      }
    }
  }
}

TEST(Dot, DoesNotRoundTermsToFloat) {
  const std::vector<float> a(64, 1.0F);
  const std::vector<double> b(64, 1.0 + 0x1p-40);
  for (Dot* const one : all()) EXPECT_EQ(one(a.data(), b.data(), 64), 64.0 + 64 * 0x1p-40);
}

}  // namespace
}  // namespace bbz::linalg
