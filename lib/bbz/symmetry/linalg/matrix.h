// The matrices that the symmetry coder computes with: row-major, as tensors are stored, and double
// where nothing else is said.
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

// The same of float, for products of which the error is known.
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstFloatView = Eigen::Ref<const FloatMatrix, 0, Eigen::OuterStride<>>;
using FloatView = Eigen::Ref<FloatMatrix, 0, Eigen::OuterStride<>>;

}  // namespace bbz::linalg
