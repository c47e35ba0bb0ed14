#include "bbz/archive/base.h"

#include <algorithm>

namespace bbz {

std::optional<Digest> KnownTensor::digest(DigestKind kind) const {
  const std::lock_guard lock(mutex_);
  return kind == DigestKind::kSha256 ? sha256_ : xxh3_;
}

void KnownTensor::set_digest(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  (digest.kind == DigestKind::kSha256 ? sha256_ : xxh3_) = digest;
}

void KnownTensor::add_failure() {
  const std::lock_guard lock(mutex_);
  ++failures_;
}

bool KnownTensor::has_failed_often() const {
  const std::lock_guard lock(mutex_);
  return failures_ > kMostFailures;
}

bool is_alike(const catalog::TensorMeta& tensor, const BaseTensor& other) {
  return tensor.dtype == other.info.dtype && tensor.shape == other.info.shape &&
         tensor.element_bits == element_bits(other.info);
}

Result<std::shared_ptr<const SupportBytes>> SupportBytes::load(const BaseTensor& tensor,
                                                               std::uint64_t size,
                                                               DigestKind kind) {
  constexpr std::uint64_t kPart = std::uint64_t{8} << 20;
  auto support = std::make_shared<SupportBytes>();
  support->tensor_ = tensor;
  support->size_ = size;
  Hasher hasher(kind);
  if (size <= kMostKept) {
    support->bytes_ = LargeBuffer(size);
    BBZ_TRY(tensor.read(0, support->bytes_));
    hasher.update(support->bytes_);
  } else {
    LargeBuffer part(kPart);
    for (std::uint64_t offset = 0; offset < size; offset += kPart) {
      const MutableBytes bytes = MutableBytes(part).first(std::min(kPart, size - offset));
      BBZ_TRY(tensor.read(offset, bytes));
      hasher.update(bytes);
    }
  }
  support->digest_ = hasher.finish();
  if (tensor.known != nullptr) tensor.known->set_digest(support->digest_);
  return std::shared_ptr<const SupportBytes>(std::move(support));
}

Status SupportBytes::read(std::uint64_t offset, MutableBytes out) const {
  if (bytes_.size() == 0) return tensor_.read(offset, out);
  std::ranges::copy(Bytes(bytes_).subspan(offset, out.size()), out.begin());
  return {};
}

Result<Bytes> SupportBytes::view(std::uint64_t offset, std::uint64_t size,
                                 std::vector<std::byte>& room) const {
  if (bytes_.size() != 0) return Bytes(bytes_).subspan(offset, size);
  room.resize(size);
  BBZ_TRY(tensor_.read(offset, room));
  return Bytes(room);
}

}  // namespace bbz
