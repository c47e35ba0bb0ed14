// Form polar: no chunks, because the tensor is derived from the factor that is its group's operand.
#include <algorithm>

#include "bbz/symmetry/gauge/polar.h"
#include "bbz/symmetry/internal/forms.h"

namespace bbz::symmetry {
namespace {

using catalog::TensorMeta;

// Checks the size of a derived tensor, which is held in memory. Nothing but its record vouches for
// it.
Status check_derived(const TensorMeta& tensor) {
  const std::uint64_t bytes = tensor.shape[0] * tensor.shape[1] * (tensor.element_bits / 8);
  if (bytes <= gauge::kMaxPolarBytes) return {};
  return about(Code::kLimit, tensor, "{} derived bytes, the limit is {}", bytes,
               gauge::kMaxPolarBytes);
}

}  // namespace

Status check_polar(const catalog::Tensor& tensor) {
  BBZ_TRY(check_matrix(tensor.meta));
  if (tensor.meta.shape[0] == 0) {
    return about(Code::kMalformed, tensor.meta, "form polar needs at least one row");
  }
  BBZ_TRY(check_derived(tensor.meta));
  BBZ_TRY(check_has_group(tensor.meta));
  if (find_dtype(tensor.meta.dtype) == nullptr) {
    return about(Code::kUnsupported, tensor.meta, "form polar of unknown dtype {}",
                 static_cast<int>(tensor.meta.dtype));
  }
  return check_stored(tensor.meta, 0);
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

}  // namespace bbz::symmetry
