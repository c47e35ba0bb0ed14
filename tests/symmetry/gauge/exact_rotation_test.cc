// Every entry of a rotated model against the exact rotation, which is computed here again, in
// double, by other decompositions: it is at most one unit in the last place of the entry's own type
// away, a derived one by the stated bound more.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "bbz/symmetry/gauge/rotate.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "models/models.h"

namespace bbz::gauge {
namespace {

using catalog::Form;
using junction::Role;
using linalg::Index;
using linalg::Matrix;
using linalg::product;
using test_models::Model;

struct Rotated {
  std::string family;
  DType dtype;
  bool polar;
};

// U such that t U is lower triangular with a non-negative diagonal: Gram and Schmidt on the first
// rows, each row twice, which leaves rounding alone. Precondition: t has full rank and no fewer
// rows than columns.
Matrix triangular_gauge(const Matrix& t) {
  Matrix u = t.topRows(t.cols()).transpose();
  for (Index i = 0; i < u.cols(); ++i) {
    for (int times = 0; times < 2; ++times) {
      for (Index j = 0; j < i; ++j) u.col(i) -= u.col(j).dot(u.col(i)) * u.col(j);
    }
    u.col(i).normalize();
  }
  return u;
}

// U such that t U is symmetric and not negative: the transpose of the orthogonal matrix nearest to
// t, by Newton's iteration in the form of Schulz. Precondition: t is square and of full rank.
Matrix polar_gauge(const Matrix& t) {
  Matrix x = t / t.norm();
  for (double change = 1; change > 1e-12;) {
    const Matrix gap = Matrix::Identity(x.cols(), x.cols()) - x.transpose().lazyProduct(x);
    const Matrix step = 0.5 * x.lazyProduct(gap);
    x += step;
    change = step.cwiseAbs().maxCoeff();
  }
  return x.transpose();
}

class ExactRotation : public testing::TestWithParam<Rotated> {
 protected:
  void SetUp() override {
    const Rotated& c = GetParam();
    test_models::Spec spec;
    spec.family = c.family;
    spec.dtype = c.dtype;
    spec.sliced_head = true;
    spec.widths = {48};
    before_ = test_models::sliced_model(spec);
    after_ = before_;
    detection_ = junction::detect(before_.infos);
    const auto reports = rotate(
        before_.infos, detection_, {.polar = c.polar},
        [&](std::size_t t) { return before_.bytes[t]; },
        [&](Output&& output) {
          derived_.push_back(output.form == Form::kPolar);
          after_.bytes[output.tensor] = output.decoded;
          forms_[output.tensor] = output.form;
          return Status();
        });
    ASSERT_TRUE(reports.ok()) << reports.error().message;
  }

  void expect_near(std::size_t tensor, const Matrix& exact) {
    const Matrix stored = matrix(after_, tensor);
    ASSERT_EQ(stored.rows(), exact.rows());
    ASSERT_EQ(stored.cols(), exact.cols());
    const DType dtype = before_.infos[tensor].dtype;
    const double bound = std::ldexp(1.0, 1 - dtype_info(dtype).layout.mantissa_bits);
    const double derived = forms_[tensor] == Form::kPolar ? bound : 0.0;
    // Two computations in double may differ by so much.
    constexpr double kArithmetic = 1e-12;
    std::size_t wrong = 0;
    double changed = 0;
    const Matrix given = matrix(before_, tensor);
    for (Index i = 0; i < exact.rows(); ++i) {
      for (Index j = 0; j < exact.cols(); ++j) {
        const double allowed = linalg::ulp(dtype, exact(i, j)) + derived + kArithmetic;
        if (!(std::abs(stored(i, j) - exact(i, j)) <= allowed) && wrong++ == 0) {
          ADD_FAILURE() << before_.infos[tensor].name << " [" << i << ", " << j
                        << "]: " << stored(i, j) << ", exactly " << exact(i, j) << ", allowed "
                        << allowed;
        }
        changed = std::max(changed, std::abs(stored(i, j) - given(i, j)));
      }
    }
    EXPECT_EQ(wrong, 0u) << before_.infos[tensor].name << ": entries that are too far away";
    EXPECT_GT(changed, 0.0) << before_.infos[tensor].name << " was not rotated";
  }

  Model before_;
  Model after_;
  junction::Detection detection_;
  std::map<std::size_t, Form> forms_;
  std::vector<bool> derived_;
};

TEST_P(ExactRotation, IsAtMostOneUnitInTheLastPlaceAway) {
  Matrix v;  // of the junction before
  for (const junction::Junction& junction : detection_.junctions) {
    ASSERT_TRUE(junction.proven()) << junction.refusal;
    const junction::Member* const enters = junction.find(Role::kShortcutIn);
    Matrix u;
    if (enters == nullptr) {
      u = triangular_gauge(matrix(before_, junction.find(Role::kEmbedding)->tensor));
    } else {
      const Matrix t = product(v.transpose(), matrix(before_, enters->tensor));
      const bool polar = forms_[enters->tensor] == Form::kPolar;
      ASSERT_TRUE(polar || t.rows() >= t.cols());
      u = polar ? polar_gauge(t) : triangular_gauge(t);
      expect_near(enters->tensor, product(t, u));
    }
    for (const junction::Member& member : junction.members) {
      const Matrix m = matrix(before_, member.tensor);
      switch (member.role) {
        case Role::kWrites:
        case Role::kBias:
          expect_near(member.tensor, product(u.transpose(), m));
          break;
        case Role::kEmbedding:
        case Role::kReads:
        case Role::kHead:
          expect_near(member.tensor, product(m, u));
          break;
        case Role::kShortcutIn:   // above
        case Role::kShortcutOut:  // by the junction that it enters
          break;
      }
    }
    v = u;
  }
  EXPECT_EQ(std::ranges::count(derived_, true) > 0, GetParam().polar);
}

std::vector<Rotated> rotated_models() {
  std::vector<Rotated> all;
  for (const char* family : {"llama", "opt"}) {
    for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF32}) {
      for (const bool polar : {false, true}) all.push_back({family, dtype, polar});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, ExactRotation, testing::ValuesIn(rotated_models()),
                         [](const auto& row) {
                           return row.param.family + "_" +
                                  std::string(dtype_info(row.param.dtype).name) +
                                  (row.param.polar ? "_polar" : "_triangular");
                         });

}  // namespace
}  // namespace bbz::gauge
