// The matrices that the symmetry coder computes with: double, row-major, as tensors are stored.
#pragma once

#include <Eigen/Core>

namespace bbz::linalg {

// A number of rows or columns, and a matrix and a vector that own their elements.
using Index = Eigen::Index;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// Views of a Matrix, or of a block of one, without a copy. The matrix must outlive them.
using ConstView = Eigen::Ref<const Matrix, 0, Eigen::OuterStride<>>;
using View = Eigen::Ref<Matrix, 0, Eigen::OuterStride<>>;

}  // namespace bbz::linalg
