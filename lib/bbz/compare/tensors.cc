#include "bbz/compare/tensors.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/linalg/convert.h"

namespace bbz::compare {
namespace {

Status check_size(const TensorInfo& info, Bytes bytes) {
  BBZ_ASSIGN(const std::uint64_t count, element_count(info.shape));
  BBZ_ASSIGN(const std::uint64_t expected, byte_size(info.dtype, count));
  if (bytes.size() != expected) {
    return make_error(Code::kMalformed, "{}: expected {} bytes, found {}", quoted(info.name),
                      expected, bytes.size());
  }
  return {};
}

double difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0.0;
  const double d = std::abs(a - b);
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}

}  // namespace

Result<TensorDifference> compare_tensors(const TensorInfo& first, Bytes first_bytes,
                                         const TensorInfo& second, Bytes second_bytes) {
  BBZ_TRY(check_size(first, first_bytes));
  BBZ_TRY(check_size(second, second_bytes));
  if (first.shape != second.shape) {
    return make_error(
        Code::kInvalidArgument, "{}: expected the same shape in both models, found [{}] and [{}]",
        quoted(first.name), fmt::join(first.shape, ", "), fmt::join(second.shape, ", "));
  }
  TensorDifference out;
  out.identical = first.dtype == second.dtype && std::ranges::equal(first_bytes, second_bytes);
  if (!linalg::is_float(first.dtype) || !linalg::is_float(second.dtype)) {
    if (!out.identical) out.largest = std::numeric_limits<double>::infinity();
    return out;
  }
  const std::size_t size_a = element_bytes(first.dtype);
  const std::size_t size_b = element_bytes(second.dtype);
  const std::size_t count = first_bytes.size() / size_a;
  std::vector<double> a(4096), b(4096);
  double squares = 0, own = 0;
  for (std::size_t begin = 0; begin < count; begin += a.size()) {
    const std::size_t n = std::min(a.size(), count - begin);
    linalg::load(first_bytes.subspan(begin * size_a, n * size_a), first.dtype, {a.data(), n});
    linalg::load(second_bytes.subspan(begin * size_b, n * size_b), second.dtype, {b.data(), n});
    for (std::size_t i = 0; i < n; ++i) {
      const double d = difference(a[i], b[i]);
      out.largest = std::max(out.largest, d);
      squares += d * d;
      if (std::isfinite(a[i])) own += a[i] * a[i];
    }
  }
  if (count > 0) {
    out.root_mean_square = std::sqrt(squares / static_cast<double>(count));
    out.norm = std::sqrt(own / static_cast<double>(count));
  }
  return out;
}

}  // namespace bbz::compare
