#include "bbz/symmetry/form.h"

#include <algorithm>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/gauge/lower.h"
#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/junction/detect.h"

namespace bbz::symmetry {
namespace {

using catalog::TensorMeta;

template <class... Args>
Error about(Code code, const TensorMeta& tensor, fmt::format_string<Args...> format,
            Args&&... args) {
  return make_error(code, "tensor {}: {}", quoted(tensor.name),
                    fmt::format(format, std::forward<Args>(args)...));
}

// Returns the method of the group that a form needs, or nothing if it needs no group.
std::optional<GroupMethod> method_of(Form form) {
  if (form == Form::kPolar) return GroupMethod::kPolar;
  if (form == Form::kRider) return GroupMethod::kBitsBack;
  return std::nullopt;
}

Status check_has_group(const TensorMeta& tensor) {
  if (tensor.group != catalog::kNone) return {};
  return about(Code::kMalformed, tensor, "form {} needs a group", static_cast<int>(tensor.form));
}

Status check_matrix(const TensorMeta& tensor) {
  // Keeps products of sizes far below 64 bits.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 31;
  if (tensor.shape.size() != 2 || tensor.shape[0] >= kMost || tensor.element_bits % 8 != 0 ||
      tensor.shape[1] == 0) {
    return about(Code::kMalformed, tensor, "form {} needs a matrix of whole-byte elements",
                 static_cast<int>(tensor.form));
  }
  if (tensor.shape[1] > junction::kMaxWidth) {
    return about(Code::kLimit, tensor, "form {} with {} columns, the limit is {}",
                 static_cast<int>(tensor.form), tensor.shape[1], junction::kMaxWidth);
  }
  return {};
}

// Checks the size of a derived tensor, which is held in memory. Nothing but its record vouches for
// it.
Status check_derived(const TensorMeta& tensor) {
  const std::uint64_t bytes = tensor.shape[0] * tensor.shape[1] * (tensor.element_bits / 8);
  if (bytes <= gauge::kMaxPolarBytes) return {};
  return about(Code::kLimit, tensor, "{} derived bytes, the limit is {}", bytes,
               gauge::kMaxPolarBytes);
}

Status check_stored(const TensorMeta& tensor, std::uint64_t expected) {
  if (tensor.stored_elements == expected) return {};
  return about(Code::kMalformed, tensor, "form {}: {} stored elements, expected {}",
               static_cast<int>(tensor.form), tensor.stored_elements, expected);
}

// Returns the row of the stored element `index`: the last row that does not begin after it.
std::uint64_t lower_row(const TensorMeta& tensor, std::uint64_t index) {
  const std::uint64_t cols = tensor.shape[1];
  std::uint64_t low = 0;
  std::uint64_t high = tensor.shape[0];
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (gauge::lower_count(middle, cols) <= index ? low : high) = middle;
  }
  return low;
}

std::uint64_t dense_index(const TensorMeta& tensor, std::uint64_t index) {
  const std::uint64_t row = lower_row(tensor, index);
  return row * tensor.shape[1] + (index - gauge::lower_count(row, tensor.shape[1]));
}

Status check_fields(const catalog::Tensor& tensor) {
  const TensorMeta& meta = tensor.meta;
  switch (meta.form) {
    case Form::kDense:
      return {};
    case Form::kLower:
      BBZ_TRY(check_matrix(meta));
      if (meta.group != catalog::kNone) {
        return about(Code::kMalformed, meta, "a lower matrix has no group, found {}", meta.group);
      }
      return check_stored(meta, gauge::lower_count(meta.shape[0], meta.shape[1]));
    case Form::kPolar:
      BBZ_TRY(check_matrix(meta));
      BBZ_TRY(check_derived(meta));
      BBZ_TRY(check_has_group(meta));
      return check_stored(meta, 0);
    case Form::kRider:
      BBZ_TRY(check_has_group(meta));
      return check_stored(meta, tensor.byte_size * 8 / meta.element_bits);
    default:
      return about(Code::kUnsupported, meta, "unknown form {}", static_cast<int>(meta.form));
  }
}

}  // namespace

Status check_record(const catalog::Tensor& tensor) {
  BBZ_TRY(check_fields(tensor));
  // If there are chunks, decoding reports it, once their payloads are known to be intact.
  if (tensor.chunk_count == 0 && find_dtype(tensor.meta.dtype) == nullptr) {
    return about(Code::kUnsupported, tensor.meta, "unknown dtype {}",
                 static_cast<int>(tensor.meta.dtype));
  }
  return {};
}

Status check_method(const TensorMeta& tensor, const catalog::GroupMeta& group) {
  const auto method = method_of(tensor.form);
  if (!method || group.method == *method) return {};
  return about(Code::kMalformed, tensor, "form {} needs a group of method {}, group {} has {}",
               static_cast<int>(tensor.form), static_cast<int>(*method), group.number,
               static_cast<int>(group.method));
}

Status check_form(const catalog::Catalog& catalog, const catalog::Tensor& tensor) {
  BBZ_TRY(check_record(tensor));
  if (!method_of(tensor.meta.form)) return {};
  const catalog::Group& group = catalog.groups[tensor.meta.group];
  BBZ_TRY(check_method(tensor.meta, group.meta));
  if (tensor.meta.form == Form::kPolar && group.first_user != tensor.meta.number) {
    return about(Code::kMalformed, tensor.meta, "group {} derives tensor {} already",
                 tensor.meta.group, group.first_user);
  }
  return {};
}

DenseRange lower_range(const TensorMeta& tensor, const catalog::Chunk& chunk) {
  const std::uint64_t next = chunk.meta.first_element + chunk.meta.element_count;
  return {dense_index(tensor, chunk.meta.first_element), next == tensor.stored_elements
                                                             ? tensor.shape[0] * tensor.shape[1]
                                                             : dense_index(tensor, next)};
}

void expand_lower(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense) {
  const std::size_t size = tensor.element_bits / 8;
  const std::uint64_t cols = tensor.shape[1];
  const std::uint64_t end = begin + dense.size() / size;
  const std::uint64_t first = chunk.meta.first_element;
  const std::uint64_t last = first + chunk.meta.element_count;
  std::ranges::fill(dense, std::byte{0});
  for (std::uint64_t row = begin / cols; row * cols < end; ++row) {
    // Finds the stored elements of the row that are in both the part and the chunk.
    const std::uint64_t row_begin = row * cols;
    const std::uint64_t kept = gauge::lower_count(row, cols);
    const std::uint64_t skipped = begin > row_begin ? begin - row_begin : 0;
    const std::uint64_t from = std::max(kept + skipped, first);
    const std::uint64_t to = std::min(kept + std::min({row + 1, cols, end - row_begin}), last);
    if (from >= to) continue;
    std::memcpy(dense.data() + (row_begin + (from - kept) - begin) * size,
                stored.data() + (from - first) * size, (to - from) * size);
  }
}

Status expand_lower(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                    std::vector<std::byte>& slice, const TakePart& take) {
  const std::size_t size = tensor.element_bits / 8;
  const DenseRange range = lower_range(tensor, chunk);
  const std::uint64_t most = kLowerSlice / size;
  for (std::uint64_t begin = range.begin; begin < range.end; begin += most) {
    slice.resize(std::min(most, range.end - begin) * size);
    expand_lower(tensor, chunk, stored, begin, slice);
    BBZ_TRY(take(begin * size, slice));
  }
  return {};
}

Status derive_polar(const TensorMeta& tensor, const PolarGroup& group, Bytes operand,
                    MutableBytes dense, parallel::ThreadPool* pool, const TakePart& take) {
  gauge::PolarView form;
  form.rows = tensor.shape[0];
  form.cols = tensor.shape[1];
  form.dtype = tensor.dtype;
  form.pivots = group.pivots;
  form.factor = operand;
  const Status decoded = gauge::decode_polar(form, dense, pool);
  if (!decoded.ok()) return about(decoded.code(), tensor, "{}", decoded.error().message);
  constexpr std::size_t kPart = std::size_t{512} << 10;  // bytes: half of a core's cache
  Xxh3Follower hash(dense);
  for (std::size_t begin = 0; take && begin < dense.size(); begin += kPart) {
    const std::size_t size = std::min(kPart, dense.size() - begin);
    hash.advance(begin + size);
    BBZ_TRY(take(begin, dense.subspan(begin, size)));
  }
  const std::uint64_t computed = hash.finish();
  if (computed != group.decoded_checksum) {
    return about(Code::kChecksum, tensor, "derived checksum {:016x}, computed {:016x}",
                 group.decoded_checksum, computed);
  }
  if (group.decoded_digest &&
      digest_of(group.decoded_digest->kind, dense) != *group.decoded_digest) {
    return about(Code::kChecksum, tensor, "derived digest differs from {}",
                 group.decoded_digest->to_string());
  }
  return {};
}

bool is_carried(const catalog::Chunk& chunk) {
  return chunk.meta.codec == kCodecCarried;
}

Result<Joined> join_carried(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
                            Bytes riders) {
  BBZ_ASSIGN(const CarriedHead head, decode_carried_head(payload));
  if (head.offset > riders.size() || head.length > riders.size() - head.offset) {
    return about(Code::kMalformed, tensor, "chunk {}: {} bytes at {} of {} riders",
                 chunk.meta.number, head.length, head.offset, riders.size());
  }
  const Bytes tail = payload.subspan(kCarriedHeadSize);
  if (head.length + tail.size() > chunk.decoded_bytes) {
    return about(Code::kMalformed, tensor, "chunk {}: a payload of {} bytes for {} decoded bytes",
                 chunk.meta.number, head.length + tail.size(), chunk.decoded_bytes);
  }
  Joined joined;
  joined.chunk = chunk;
  const Bytes carried = riders.subspan(head.offset, head.length);
  joined.payload.assign(carried.begin(), carried.end());
  joined.payload.insert(joined.payload.end(), tail.begin(), tail.end());
  joined.chunk.meta.codec = head.codec;
  joined.chunk.payload.length = joined.payload.size();
  joined.chunk.payload.checksum = xxh3_64(joined.payload);
  return joined;
}

Result<std::vector<std::byte>> recover_riders(const BitsBackGroup& group,
                                              std::span<const catalog::Tensor> carriers,
                                              std::span<const std::vector<std::byte>> bytes) {
  std::vector<bitsback::Carrier> operands;
  for (std::size_t i = 0; i < carriers.size(); ++i) {
    operands.push_back({carriers[i].meta.dtype, bytes[i]});
  }
  auto riders = bitsback::decode(group.width, operands, group.record);
  if (!riders.ok()) {
    return about(riders.code(), carriers[0].meta, "the rotation of its junction: {}",
                 riders.error().message);
  }
  return riders;
}

}  // namespace bbz::symmetry
