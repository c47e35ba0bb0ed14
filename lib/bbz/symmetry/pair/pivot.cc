#include "bbz/symmetry/pair/pivot.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/gauge/members.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"
#include "bbz/symmetry/pair/internal/basis.h"
#include "bbz/symmetry/pair/internal/products.h"

namespace bbz::pair {
namespace {

using linalg::Index;
using linalg::Matrix;

// A floor that makes the error grow by less is none.
constexpr double kLeastGrowth = 1.005;

Result<Matrix> load(const TensorInfo& info, Bytes bytes) {
  BBZ_TRY(gauge::check_finite(info, bytes));
  return linalg::load_matrix(bytes, info.dtype, static_cast<Index>(info.shape[0]),
                             static_cast<Index>(info.shape[1]));
}

// Puts an identity into the rows `pivots`, and the rows of `rest` into the others.
Matrix with_identity(const Matrix& rest, const std::vector<Index>& pivots) {
  const auto rank = static_cast<Index>(pivots.size());
  Matrix whole = Matrix::Zero(rest.rows() + rank, rank);
  Index k = 0;
  for (Index row = 0; row < whole.rows(); ++row) {
    if (k < rank && pivots[static_cast<std::size_t>(k)] == row) {
      whole(row, k++) = 1.0;
    } else {
      whole.row(row) = rest.row(row - k);
    }
  }
  return whole;
}

// Returns the rows of `all` that are not pivots.
Matrix without_pivots(const Matrix& all, const std::vector<Index>& pivots) {
  Matrix rest(all.rows() - static_cast<Index>(pivots.size()), all.cols());
  std::size_t k = 0;
  for (Index row = 0; row < all.rows(); ++row) {
    if (k < pivots.size() && pivots[k] == row) {
      ++k;
    } else {
      rest.row(row - static_cast<Index>(k)) = all.row(row);
    }
  }
  return rest;
}

std::vector<std::byte> store(const Matrix& matrix, DType dtype) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(matrix.size()) * element_bytes(dtype));
  linalg::store_matrix(matrix, dtype, bytes);
  return bytes;
}

// Returns the rounding of an entry next to 1, of the coarser of two types.
double half_unit(DType a, DType b) {
  return std::max(linalg::ulp(a, 1.0), linalg::ulp(b, 1.0)) / 2;
}

// A pair in the pivot gauge before it is rounded.
struct Exact {
  const TensorInfo& a_info;
  const TensorInfo& b_info;
  bool rows;                  // rows of A hold the identity, not columns of B
  std::vector<Index> pivots;  // of these rows or columns, ascending
  Matrix rest;                // the rows or columns that are no pivots
  Matrix kept;                // the other factor
};

// Makes the factor with the identity along `axis`. Errors: kUnsupported if its pivots are singular.
Result<Exact> make_exact(const TensorInfo& a_info, const Matrix& a, const TensorInfo& b_info,
                         const Matrix& b, unsigned axis) {
  // Columns of B are the rows of its transpose: A and B change places.
  const bool rows = axis == 0;
  const Matrix x = rows ? a : Matrix(b.transpose());
  auto basis = choose_basis(x);
  if (!basis) {
    return make_error(Code::kUnsupported, "{}: expected {} of full rank {}, found dependent ones",
                      quoted(rows ? a_info.name : b_info.name), rows ? "rows" : "columns",
                      a.cols());
  }
  Matrix rest = without_pivots(basis->coefficients, basis->rows);
  Matrix kept = linalg::product(select_rows(x, basis->rows), rows ? b : Matrix(a.transpose()));
  if (!rows) {
    rest.transposeInPlace();
    kept.transposeInPlace();
  }
  return Exact{a_info, b_info, rows, std::move(basis->rows), std::move(rest), std::move(kept)};
}

// A pair that is rounded to the types of its tensors.
struct Rounded {
  Matrix a;
  Matrix b;
  gauge::Rounding rounding;
};

// Errors: kUnsupported if an entry overflows.
Result<Rounded> round(const Exact& exact, const gauge::NoiseFloor& floor) {
  Rounded out;
  const auto run = [&](const Matrix& part, const TensorInfo& info, Matrix& to) -> Status {
    std::vector<std::byte> bytes(static_cast<std::size_t>(part.size()) * element_bytes(info.dtype));
    if (!gauge::round_rows(part, info.dtype, floor, bytes, out.rounding)) {
      return make_error(Code::kUnsupported, "{}: an entry of the pivoted tensor overflows {}",
                        quoted(info.name), dtype_info(info.dtype).name);
    }
    to = linalg::load_matrix(bytes, info.dtype, part.rows(), part.cols());
    return {};
  };
  if (exact.rows) {
    BBZ_TRY(run(exact.rest, exact.a_info, out.a));
    BBZ_TRY(run(exact.kept, exact.b_info, out.b));
    out.a = with_identity(out.a, exact.pivots);
  } else {
    BBZ_TRY(run(exact.kept, exact.a_info, out.a));
    BBZ_TRY(run(exact.rest, exact.b_info, out.b));
    out.b = with_identity(out.b.transpose(), exact.pivots).transpose().eval();
  }
  return out;
}

}  // namespace

std::optional<unsigned> pivot_axis(std::uint64_t out, std::uint64_t in, std::uint64_t rank) {
  const bool rows = out > rank, columns = in > rank;
  if (rows && (out < in || !columns)) return 0;
  if (columns) return 1;
  return std::nullopt;
}

std::optional<catalog::Pivots> find_pivots(const TensorInfo& a, Bytes a_bytes, const TensorInfo& b,
                                           Bytes b_bytes) {
  auto found = gauge::find_pivots(a_bytes, a.dtype, a.shape[0], a.shape[1], 0);
  if (!found) found = gauge::find_pivots(b_bytes, b.dtype, b.shape[0], b.shape[1], 1);
  return found;
}

Result<Pivoted> pivot(const TensorInfo& a_info, Bytes a_bytes, const TensorInfo& b_info,
                      Bytes b_bytes, gauge::Floor floor) {
  BBZ_ASSIGN(const Matrix a, load(a_info, a_bytes));
  BBZ_ASSIGN(const Matrix b, load(b_info, b_bytes));
  const auto axis = pivot_axis(a_info.shape[0], b_info.shape[1], a_info.shape[1]);
  if (!axis) {
    return make_error(
        Code::kUnsupported,
        "{}: expected more rows, or more columns of {}, than the rank {}, found {} and {}",
        quoted(a_info.name), quoted(b_info.name), a.cols(), a.rows(), b.cols());
  }
  BBZ_ASSIGN(const Exact exact, make_exact(a_info, a, b_info, b, *axis));
  const Products products(a, b);
  BBZ_ASSIGN(Rounded chosen, round(exact, {}));
  const double plain = products.difference(chosen.a, chosen.b);
  const double most = kMostDifference * half_unit(a_info.dtype, b_info.dtype);
  if (!(plain <= most)) {
    return make_error(Code::kUnsupported,
                      "{}: expected its product with {} to change by at most {:.2g}, found {:.2g}",
                      quoted(a_info.name), quoted(b_info.name), most, plain);
  }
  double changed = plain;
  // What the floor does to a product also depends on how the noise of one factor meets the entries of
  // the other, so a floor that does too much is lowered.
  gauge::NoiseFloor noise = gauge::noise_floor(floor);
  while (noise.most_growth > kLeastGrowth) {
    BBZ_ASSIGN(Rounded tried, round(exact, noise));
    const double found = products.difference(tried.a, tried.b);
    if (found <= gauge::accepted_growth(floor) * plain) {
      chosen = std::move(tried);
      changed = found;
      break;
    }
    noise.most_growth = 1 + 0.75 * (noise.most_growth - 1);
  }
  auto a_stored = store(chosen.a, a_info.dtype);
  auto b_stored = store(chosen.b, b_info.dtype);
  // Rounding can make other entries those of an identity.
  auto pivots = find_pivots(a_info, a_stored, b_info, b_stored);
  if (!pivots) return make_error(Code::kInternal, "{}: found no pivots", quoted(a_info.name));
  return Pivoted{std::move(*pivots),
                 std::move(a_stored),
                 std::move(b_stored),
                 chosen.rounding,
                 changed,
                 plain};
}

}  // namespace bbz::pair
