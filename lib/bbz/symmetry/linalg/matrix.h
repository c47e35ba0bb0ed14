// The matrices that the symmetry coder computes with: double, row-major, as tensors are stored.
#pragma once

#include <Eigen/Core>

namespace bbz::linalg {

using Index = Eigen::Index;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// Views of a Matrix or of a block of one, without a copy.
using ConstView = Eigen::Ref<const Matrix, 0, Eigen::OuterStride<>>;
using View = Eigen::Ref<Matrix, 0, Eigen::OuterStride<>>;

}  // namespace bbz::linalg
