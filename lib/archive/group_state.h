// GroupState: a symmetry group with the tensors that belong to it, and what follows from them.
// Internal to bbz.
#pragma once

#include <atomic>
#include <mutex>

#include "bbz/catalog/catalog.h"
#include "bbz/io/source.h"
#include "bbz/symmetry/form.h"

namespace bbz::internal {

// Compares a payload with its checksum. Errors: kChecksum, with the payload's offset.
Status check_payload_checksum(const catalog::Payload& payload, Bytes bytes);

// Reads a payload and compares it so.
Result<std::vector<std::byte>> read_payload(io::Source& source, const catalog::Payload& payload);

// Compares the payload of a metadata or group record with the digest in its meta, where there is
// one. Errors: kChecksum, with the payload's offset.
Status check_payload_digest(const std::optional<Digest>& digest, const catalog::Payload& payload,
                            Bytes bytes);

// Whether a metadata record's payload is what its digest says, and text. Errors: kChecksum;
// kMalformed where it is not UTF-8; the record is named.
Status check_metadata(const catalog::Metadata& metadata, Bytes value);

// Filled by whoever reads the group: first its payload, then the bytes of its tensors in order.
class GroupState {
 public:
  // Takes the group's payload. Errors: kMalformed; kUnsupported for an unknown method.
  static Result<std::shared_ptr<GroupState>> make(const catalog::Group& group, Bytes payload,
                                                  DigestKind kind);

  std::uint32_t number() const { return group_.meta.number; }
  // How many tensors after the group's record belong to it.
  std::uint64_t tensor_count() const { return count_; }
  bool wants(const catalog::Tensor& tensor) const {
    return tensor.meta.number - group_.first_tensor < count_ &&
           tensor.meta.number >= group_.first_tensor;
  }
  // How many bytes of memory it takes, about.
  std::uint64_t held_bytes() const { return held_; }
  // Those tensors, which may be decoded. Errors: those of symmetry::group_tensors() and
  // symmetry::check_rotation().
  Result<std::span<const catalog::Tensor>> tensors(const catalog::Catalog& catalog) const;
  // Appends decoded bytes of the next tensor of the group, which may come in pieces.
  void add(const catalog::Tensor& tensor, Bytes bytes);
  // The same, of a whole tensor.
  void add(const catalog::Tensor& tensor, std::vector<std::byte>&& bytes);

  // A tensor of form polar, on the pool's threads and this one; `dense` has its size. `take` is as
  // in symmetry::derive_polar().
  Status derive(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                parallel::ThreadPool& pool, MutableBytes dense,
                const symmetry::TakePart& take = {});
  // A chunk of a tensor of form rider whose codec is carried; `out` has its decoded size. May be
  // called from many threads at once.
  Status decode_carried(const catalog::Catalog& catalog, const catalog::TensorMeta& tensor,
                        const catalog::Chunk& chunk, Bytes payload, MutableBytes out);

 private:
  void begin(const catalog::Tensor& tensor);
  Status complete(const catalog::Catalog& catalog) const;

  catalog::Group group_;
  std::uint64_t count_ = 0;
  std::optional<symmetry::PolarGroup> polar_;
  std::optional<symmetry::BitsBackGroup> bits_back_;
  std::vector<catalog::Tensor> tensors_;
  std::vector<std::vector<std::byte>> bytes_;
  std::uint64_t expected_ = 0;  // of those tensors, by what they declare
  bool too_large_ = false;
  std::atomic<std::uint64_t> held_{sizeof(GroupState)};
  std::mutex mutex_;
  // Under mutex_ until recovered. A failure stays as well: it costs as much as a success.
  std::optional<Result<std::vector<std::byte>>> riders_;
};

// Lets go of the groups that were needed longest ago, of a list with the newest need first, until
// the others take no more than kMostGroupBytes together; the first two stay whatever they take.
// Tensors need not be read in the order of their records, and a bits-back group costs seconds to
// put together. Its riders take no more memory than the archive has bytes for them
// (format-spec/limits.md), so that only large archives have more groups than fit.
inline constexpr std::uint64_t kMostGroupBytes = std::uint64_t{128} << 20;
void keep_newest(std::vector<std::shared_ptr<GroupState>>& groups);

}  // namespace bbz::internal
