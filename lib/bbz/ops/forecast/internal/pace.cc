#include "bbz/ops/forecast/internal/pace.h"

#include <algorithm>

#include "bbz/ops/forecast/internal/sample.h"
#include "bbz/symmetry/gauge/members.h"

namespace bbz::forecast {
namespace {

// Rows, or columns of a tensor that writes the junction, that are rotated: enough that what is done once for
// a tensor takes little of the time, and that all threads are used if they are for the whole.
constexpr std::uint64_t kLeastRows = 1024, kLeastElements = std::uint64_t{1} << 18;

std::uint64_t measured_rows(std::uint64_t rows, std::uint64_t cols) {
  return std::min(rows, std::max(kLeastRows, kLeastElements / cols + 1));
}

// Cuts a tensor to its first rows, or columns, and returns their bytes.
std::vector<std::byte> cut(TensorInfo& info, Role role, Bytes bytes) {
  const std::uint64_t rows = info.shape[0], cols = info.shape[1];
  const std::size_t row_bytes = bytes.size() / rows;
  if (junction::role_axis(role) == 1) {
    info.shape[0] = measured_rows(rows, cols);
    const Bytes part = bytes.first(row_bytes * info.shape[0]);
    return {part.begin(), part.end()};
  }
  info.shape[1] = measured_rows(cols, rows);
  const std::size_t kept = element_bytes(info.dtype) * info.shape[1];
  std::vector<std::byte> part;
  part.reserve(rows * kept);
  for (std::uint64_t row = 0; row < rows; ++row) {
    const Bytes one = bytes.subspan(row * row_bytes, kept);
    part.insert(part.end(), one.begin(), one.end());
  }
  return part;
}

}  // namespace

Result<std::vector<std::byte>> Pace::load(const model::Model& model, std::size_t tensor) {
  const double begin = now();
  BBZ_ASSIGN(std::vector<std::byte> bytes, model.load(tensor));
  BBZ_TRY(gauge::check_finite(model.tensors[tensor], bytes));
  load_seconds_ += now() - begin;
  loaded_ += elements_of(model.tensors[tensor]);
  return bytes;
}

void Pace::measure(const TensorInfo& info, Role role, Bytes bytes, const Matrix& u) {
  if (info.shape.size() != 2 || bytes.empty() || rotated_.contains(role)) return;
  TensorInfo part_info = info;
  const std::vector<std::byte> part = cut(part_info, role, bytes);
  double begin = now();
  gauge::fits_when_rotated(part_info, role, part);
  fit_seconds_ += now() - begin;
  fitted_ += elements_of(part_info);
  Measured measured;
  measured.products = elements_of(part_info) * static_cast<double>(u.rows());
  measured.elements = elements_of(part_info);
  const TensorSpec spec = dense_spec(info.dtype, part_info.shape[0], part_info.shape[1]);
  double plain = 0;
  if (!encode(spec, part, plain).ok()) return;
  // Any floor but none takes as long as the other.
  for (const std::size_t f : {std::size_t{0}, std::size_t{2}}) {
    gauge::Rounding ignored;
    begin = now();
    const auto rotated = gauge::rotate_member(part_info, role, part, u, kFloors[f], ignored);
    measured.seconds[f] = now() - begin;
    if (!rotated.ok() || !encode(spec, *rotated, measured.encoding[f]).ok()) return;
    measured.encoding[f] -= plain;
  }
  measured.seconds[1] = measured.seconds[2];
  measured.encoding[1] = measured.encoding[2];
  rotated_.emplace(role, measured);
}

Result<double> Pace::encode(const TensorSpec& spec, Bytes stored, double& seconds) const {
  const double begin = now();
  BBZ_ASSIGN(const double bytes, coded_bytes(spec, stored));
  seconds += (now() - begin) / threads_;
  return bytes;
}

Sizes Pace::rotating(const TensorInfo& info, Role role, std::uint64_t width) const {
  Sizes seconds{};
  auto found = rotated_.find(role);
  if (found == rotated_.end()) found = rotated_.begin();
  const double elements = elements_of(info);
  for (std::size_t f = 0; f < seconds.size(); ++f) {
    if (loaded_ > 0) seconds[f] = load_seconds_ / loaded_ * elements;
    if (found == rotated_.end() || width == 0) continue;
    const Measured& measured = found->second;
    seconds[f] += measured.encoding[f] / measured.elements * elements;
    seconds[f] += measured.seconds[f] / measured.products * elements * static_cast<double>(width);
  }
  return seconds;
}

double Pace::checking(const TensorInfo& info) const {
  const double elements = elements_of(info);
  double seconds = loaded_ > 0 ? load_seconds_ / loaded_ * elements : 0;
  if (fitted_ > 0) seconds += fit_seconds_ / fitted_ * elements;
  return seconds;
}

}  // namespace bbz::forecast
