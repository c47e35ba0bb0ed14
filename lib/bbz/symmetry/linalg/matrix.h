// The matrices that the symmetry coder computes with: double, row-major, as tensors are stored.
#pragma once

#include <Eigen/Core>

namespace bbz::linalg {

// A number of rows or columns.
using Index = Eigen::Index;
// A matrix that owns its elements.
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
// A column vector that owns its elements.
using Vector = Eigen::VectorXd;

// Views of a Matrix, or of a block of one, without a copy. The matrix must outlive them.
using ConstView = Eigen::Ref<const Matrix, 0, Eigen::OuterStride<>>;
using View = Eigen::Ref<Matrix, 0, Eigen::OuterStride<>>;

}  // namespace bbz::linalg
