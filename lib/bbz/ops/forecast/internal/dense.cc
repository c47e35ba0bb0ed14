#include "bbz/ops/forecast/internal/dense.h"

#include <algorithm>
#include <cmath>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/symmetry/linalg/convert.h"
#include "bbz/symmetry/linalg/product.h"

namespace bbz::forecast {

namespace {

// As pack() does it.
constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;
constexpr Index kRowsOfTask = 16;  // of rotate_member()
constexpr std::uint64_t kLeastSample = std::uint64_t{48} << 10;

std::uint64_t rows_of(const TensorInfo& info) {
  return info.shape[0];
}

std::uint64_t cols_of(const TensorInfo& info) {
  return info.shape.size() == 2 ? info.shape[1] : 1;
}

Bytes row_of(Bytes bytes, const TensorInfo& info, Index row) {
  const std::uint64_t size = cols_of(info) * element_bytes(info.dtype);
  return bytes.subspan(static_cast<std::uint64_t>(row) * size, size);
}

// The keys under which a tensor is found, the most special one first.
std::array<std::string, 3> keys_of(const TensorInfo& info, Role role) {
  const auto type = static_cast<int>(info.dtype);
  const int what = static_cast<int>(role);
  return {fmt::format("{} {} {} {}", type, what, rows_of(info), cols_of(info)),
          fmt::format("{} {}", type, what), fmt::format("{}", type)};
}

// Returns some rows of a tensor.
std::vector<std::byte> gather(const TensorInfo& info, Bytes bytes, const std::vector<Index>& rows) {
  std::vector<std::byte> part;
  for (const Index row : rows) {
    const Bytes one = row_of(bytes, info, row);
    part.insert(part.end(), one.begin(), one.end());
  }
  return part;
}

// Returns by what the size of a tensor differs from that of some of its rows, times their share: a factor.
// Tables take more of a sample, unless it has many chunks.
Result<double> sample_bias(const TensorInfo& info, Bytes bytes, const std::vector<Index>& rows) {
  const std::vector<std::byte> part = gather(info, bytes, rows);
  if (part.size() == bytes.size() || part.size() > kChunkBytes) return 1.0;
  const std::uint64_t cols = cols_of(info);
  BBZ_ASSIGN(const double all, coded_bytes(dense_spec(info.dtype, rows_of(info), cols), bytes));
  BBZ_ASSIGN(const double some, coded_bytes(dense_spec(info.dtype, rows.size(), cols), part));
  const double times = static_cast<double>(bytes.size()) / static_cast<double>(part.size());
  return some == 0 ? 1.0 : all / (some * times);
}

}  // namespace

double elements_of(const TensorInfo& info) {
  double elements = 1;
  for (const std::uint64_t extent : info.shape) elements *= static_cast<double>(extent);
  return elements;
}

TensorSpec dense_spec(DType dtype, std::uint64_t rows, std::uint64_t cols) {
  TensorSpec spec;
  spec.kind = catalog::TensorKind::kTensor;
  spec.name = "sample";
  spec.dtype = dtype;
  spec.shape = {rows, cols};
  return spec;
}

Result<double> coded_bytes(const TensorSpec& spec, Bytes stored) {
  BBZ_ASSIGN(const catalog::TensorMeta meta, tensor_meta(spec, kChunkBytes));
  const std::uint64_t step = meta.chunk_elements * meta.element_bits / 8;
  std::vector<std::byte> payload;
  double coded = 0;
  for (std::uint64_t at = 0; at < stored.size(); at += step) {
    const Bytes part = stored.subspan(at, std::min<std::uint64_t>(step, stored.size() - at));
    codec::encode(
        chunk::codec_shape(meta, at * 8 / meta.element_bits, part.size() * 8 / meta.element_bits),
        part, {}, payload);
    coded += static_cast<double>(payload.size());
  }
  return coded;
}

std::vector<std::byte> made_up_bytes(std::size_t count, std::uint64_t seed) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<std::byte>(seed >> 56);
  }
  return bytes;
}

std::vector<Index> sampled_rows(const TensorInfo& info, double share) {
  const std::uint64_t rows = rows_of(info);
  const std::uint64_t row_bytes =
      std::max<std::uint64_t>(cols_of(info) * element_bytes(info.dtype), 1);
  const std::uint64_t wanted = std::max(
      static_cast<std::uint64_t>(share * static_cast<double>(rows)), kLeastSample / row_bytes + 1);
  std::vector<Index> sampled;
  // Whole tasks, as a floor is chosen for each.
  const std::uint64_t count = (wanted + kRowsOfTask - 1) / kRowsOfTask * kRowsOfTask;
  const std::uint64_t used = share >= 1 || 2 * count > rows ? rows : count;
  for (std::uint64_t i = 0; i < used; ++i) {
    sampled.push_back(static_cast<Index>(i * rows / used));
  }
  return sampled;
}

Result<Sizes> rounded_bytes(const TensorInfo& info, const Matrix& exact) {
  Sizes sizes{};
  const std::size_t row_bytes = static_cast<std::size_t>(exact.cols()) * element_bytes(info.dtype);
  std::vector<std::byte> out(static_cast<std::size_t>(exact.rows()) * row_bytes);
  for (std::size_t f = 0; f < kFloors.size(); ++f) {
    gauge::Rounding ignored;
    for (Index row = 0; row < exact.rows(); row += kRowsOfTask) {
      const Index count = std::min(kRowsOfTask, exact.rows() - row);
      const MutableBytes part = MutableBytes(out).subspan(
          static_cast<std::size_t>(row) * row_bytes, static_cast<std::size_t>(count) * row_bytes);
      if (!gauge::round_rows(exact.middleRows(row, count), info.dtype,
                             gauge::noise_floor(kFloors[f]), part, ignored)) {
        return make_error(Code::kUnsupported, "{}: an entry of the rotated tensor overflows {}",
                          quoted(info.name), dtype_info(info.dtype).name);
      }
    }
    const auto rows = static_cast<std::uint64_t>(exact.rows());
    BBZ_ASSIGN(sizes[f], coded_bytes(dense_spec(info.dtype, rows,
                                                out.size() / rows / element_bytes(info.dtype)),
                                     out));
  }
  return sizes;
}

Result<Sizes> rotated_bytes(const TensorInfo& info, Role role, Bytes bytes, const Matrix& u,
                            double share) {
  const std::vector<Index> rows = sampled_rows(info, share);
  const auto count = static_cast<Index>(rows.size());
  const auto cols = static_cast<Index>(cols_of(info));
  Matrix exact(count, cols);
  if (junction::role_axis(role) == 1) {
    const std::vector<std::byte> part = gather(info, bytes, rows);
    exact = linalg::product(linalg::load_matrix(part, info.dtype, count, cols), u);
  } else {
    Matrix some(u.rows(), count);
    for (Index i = 0; i < count; ++i) some.col(i) = u.col(rows[static_cast<std::size_t>(i)]);
    const Matrix all = linalg::load_matrix(bytes, info.dtype, u.rows(), cols);
    linalg::multiply(some, linalg::Op::kTransposed, all, linalg::Op::kPlain, exact);
  }
  BBZ_ASSIGN(Sizes sizes, rounded_bytes(info, exact));
  BBZ_ASSIGN(const double bias, sample_bias(info, bytes, rows));
  const double times = bias * static_cast<double>(rows_of(info)) / static_cast<double>(count);
  for (double& size : sizes) size *= times;
  return sizes;
}

void Rates::add(const TensorInfo& info, Role role, const Sizes& bytes) {
  const auto elements = static_cast<double>(rows_of(info) * cols_of(info));
  if (elements == 0) return;
  for (const std::string& key : keys_of(info, role)) {
    Rate& rate = rates_[key];
    rate.elements += elements;
    for (std::size_t f = 0; f < bytes.size(); ++f) {
      rate.bytes[f] += bytes[f];
      rate.squares[f] += bytes[f] * bytes[f] / elements;
    }
    ++rate.count;
  }
}

std::optional<Sizes> Rates::take(const TensorInfo& info, Role role, bool measured) {
  const auto elements = static_cast<double>(rows_of(info) * cols_of(info));
  for (const std::string& key : keys_of(info, role)) {
    const auto found = rates_.find(key);
    if (found == rates_.end()) continue;
    Rate& rate = found->second;
    if (!measured) {
      rate.taken += elements;
      rate.taken_squares += elements * elements;
    }
    Sizes sizes{};
    for (std::size_t f = 0; f < sizes.size(); ++f) {
      sizes[f] = rate.bytes[f] / rate.elements * elements;
    }
    return sizes;
  }
  return std::nullopt;
}

Sizes Rates::error() const {
  // The relative difference of tensors of which only one was measured.
  constexpr double kAlone = 0.005;
  Sizes error{};
  for (std::size_t f = 0; f < error.size(); ++f) {
    double sum = 0;
    for (const auto& [key, rate] : rates_) {
      const double mean = rate.bytes[f] / rate.elements;
      double variance = std::pow(kAlone * mean, 2);
      if (rate.count > 1) {
        variance = std::max(rate.squares[f] / rate.elements - mean * mean, 0.0) * rate.count /
                   (rate.count - 1);
      }
      // The mean is off, in the same way for all, and each tensor from it.
      sum += variance * (rate.taken * rate.taken / rate.count + rate.taken_squares);
    }
    error[f] = std::sqrt(sum);
  }
  return error;
}

}  // namespace bbz::forecast
