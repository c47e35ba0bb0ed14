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

// Goes through the bytes of a tensor, part by part.
class Parts {
 public:
  static Result<Parts> begin(const TensorInfo& info, const LoadPart& load) {
    BBZ_ASSIGN(const std::uint64_t count, element_count(info.shape));
    const auto size = packed_bytes(count, element_bits(info));
    if (!size) {
      return make_error(Code::kMalformed,
                        "{}: {} elements of {} bits: no whole bytes, or beyond 64 bits",
                        quoted(info.name), count, element_bits(info));
    }
    Parts parts(info, load, *size);
    BBZ_TRY(parts.next());
    return parts;
  }

  // Returns what is left of the current part: nothing at the end of the tensor.
  Bytes rest() const { return Bytes(part_).subspan(taken_); }
  // Goes on by some bytes of the rest. Errors: those of loading the next part; kMalformed.
  Status take(std::size_t bytes) {
    taken_ += bytes;
    return taken_ == part_.size() && offset_ < size_ ? next() : Status();
  }

  // Errors: kMalformed if something is left, because a part ended within an element.
  Status expect_end() const {
    if (rest().empty()) return {};
    return make_error(Code::kMalformed, "{}: {} bytes are no whole element", quoted(info_->name),
                      rest().size());
  }

 private:
  Parts(const TensorInfo& info, const LoadPart& load, std::uint64_t size)
      : info_(&info), load_(&load), size_(size) {}

  Status next() {
    part_ = {};  // before there is another one
    taken_ = 0;
    BBZ_ASSIGN(part_, (*load_)(offset_));
    if (part_.size() > size_ - offset_ || (part_.empty() && offset_ < size_)) {
      return make_error(Code::kMalformed, "{}: expected {} bytes, found {}{}", quoted(info_->name),
                        size_, part_.empty() ? "" : "at least ", offset_ + part_.size());
    }
    offset_ += part_.size();
    return {};
  }

  const TensorInfo* info_;
  const LoadPart* load_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;  // after the current part
  std::vector<std::byte> part_;
  std::size_t taken_ = 0;  // bytes of the current part
};

double difference(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0.0;
  const double d = std::abs(a - b);
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}

// Returns whether the rest of the tensors, of one type, is the same.
Result<bool> same_bytes(Parts& a, Parts& b) {
  while (!a.rest().empty() && !b.rest().empty()) {
    const std::size_t size = std::min(a.rest().size(), b.rest().size());
    if (!std::ranges::equal(a.rest().first(size), b.rest().first(size))) return false;
    BBZ_TRY(a.take(size));
    BBZ_TRY(b.take(size));
  }
  return true;
}

// Measures floats.
Result<TensorDifference> measure(DType first, Parts& parts_a, DType second, Parts& parts_b) {
  const std::size_t size_a = element_bytes(first);
  const std::size_t size_b = element_bytes(second);
  TensorDifference out;
  out.identical = first == second;
  std::vector<double> a(4096), b(4096);
  double squares = 0, own = 0;
  std::uint64_t count = 0;
  while (true) {
    const Bytes rest_a = parts_a.rest(), rest_b = parts_b.rest();
    const std::size_t n = std::min({a.size(), rest_a.size() / size_a, rest_b.size() / size_b});
    if (n == 0) break;
    const Bytes bytes_a = rest_a.first(n * size_a), bytes_b = rest_b.first(n * size_b);
    out.identical = out.identical && std::ranges::equal(bytes_a, bytes_b);
    linalg::load(bytes_a, first, {a.data(), n});
    linalg::load(bytes_b, second, {b.data(), n});
    for (std::size_t i = 0; i < n; ++i) {
      const double d = difference(a[i], b[i]);
      out.largest = std::max(out.largest, d);
      squares += d * d;
      if (std::isfinite(a[i])) own += a[i] * a[i];
    }
    count += n;
    BBZ_TRY(parts_a.take(bytes_a.size()));
    BBZ_TRY(parts_b.take(bytes_b.size()));
  }
  for (const Parts* parts : {&parts_a, &parts_b}) BBZ_TRY(parts->expect_end());
  if (count > 0) {
    out.root_mean_square = std::sqrt(squares / static_cast<double>(count));
    out.norm = std::sqrt(own / static_cast<double>(count));
  }
  return out;
}

}  // namespace

Result<TensorDifference> compare_tensors(const TensorInfo& first, const LoadPart& load_first,
                                         const TensorInfo& second, const LoadPart& load_second) {
  BBZ_ASSIGN(const Shape shape, shape_in_values(first));
  BBZ_ASSIGN(const Shape other, shape_in_values(second));
  if (shape != other) {
    return make_error(Code::kInvalidArgument,
                      "{}: expected the same shape in both models, found [{}] and [{}]",
                      quoted(first.name), fmt::join(shape, ", "), fmt::join(other, ", "));
  }
  BBZ_ASSIGN(Parts a, Parts::begin(first, load_first));
  BBZ_ASSIGN(Parts b, Parts::begin(second, load_second));
  if (linalg::is_float(first.dtype) && linalg::is_float(second.dtype)) {
    return measure(first.dtype, a, second.dtype, b);
  }
  TensorDifference out;
  if (first.dtype == second.dtype && same_blocks(first.block, second.block)) {
    BBZ_ASSIGN(out.identical, same_bytes(a, b));
  }
  if (!out.identical) out.largest = std::numeric_limits<double>::infinity();
  return out;
}

}  // namespace bbz::compare
