// Linked with a lapack.cc that has no LAPACK, so that all tests beside it go through Eigen.
#include <gtest/gtest.h>

#include "bbz/symmetry/linalg/product.h"

namespace bbz::linalg {
namespace {

TEST(WithoutLapack, ThereIsNone) {
  EXPECT_FALSE(has_lapack());
}

}  // namespace
}  // namespace bbz::linalg
