// GroupState: a symmetry group with the tensors that belong to it. Derives and decodes other
// tensors.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "bbz/format/catalog/catalog.h"
#include "bbz/format/chunk/chunk.h"
#include "bbz/symmetry/form.h"

namespace bbz::symmetry {

// Returns the bytes of the first tensor that refers to a group, or 0 if the catalog has none yet.
std::uint64_t derived_bytes(const catalog::Catalog& catalog, std::uint32_t group);

// Returns the error for a tensor of a group that is missing or damaged.
Error not_whole(std::uint32_t group, const catalog::Tensor& tensor);

// Holds a group and the bytes of the tensors that belong to it. A reader fills it: first with the
// group's payload, then with the bytes of these tensors in order. Once it is
// filled, decode_carried() and the const functions are thread-safe.
class GroupState {
 public:
  // Makes a group from its payload, without its tensors. Errors: kMalformed; kUnsupported if the
  // method is unknown or reserved bytes are not 0.
  static Result<std::shared_ptr<GroupState>> make(const catalog::Group& group, Bytes payload,
                                                  DigestKind kind);

  // Returns the group's number in the archive.
  std::uint32_t number() const { return group_.meta.number; }
  // Returns the number of tensors after the group's record that belong to it.
  std::uint64_t tensor_count() const { return count_; }
  // Returns whether a tensor belongs to the group.
  bool wants(const catalog::Tensor& tensor) const {
    return tensor.meta.number - group_.first_tensor < count_ &&
           tensor.meta.number >= group_.first_tensor;
  }
  // Returns whether more than one tensor may depend on the group.
  bool serves_many() const { return bits_back_.has_value(); }
  // Returns the memory that it takes, in bytes, about.
  std::uint64_t held_bytes() const { return held_; }
  // Returns the tensors that belong to the group, after checking that they, and a tensor of
  // `derived_bytes` bytes that is derived from them, may be decoded. Errors: those of
  // group_tensors(), check_rotation() and check_cost().
  Result<std::span<const catalog::Tensor>> tensors(const catalog::Catalog& catalog,
                                                   std::uint64_t derived_bytes) const;
  // Adds the decoded bytes of the next tensor of the group.
  void add(const catalog::Tensor& tensor, std::vector<std::byte>&& bytes);
  // Returns the payload of a chunk of a tensor of the group, valid until the next call.
  using PayloadOf =
      std::function<Result<Bytes>(const catalog::Tensor& tensor, const catalog::Chunk& chunk)>;
  // Decodes the tensors that belong to the group and adds them. Errors: those of tensors(), of
  // `payload_of` and of chunk::decode().
  Status put_together(const catalog::Catalog& catalog, const PayloadOf& payload_of,
                      chunk::Check check);

  // Derives a tensor of form polar into `dense`, which has its size, on this thread and those of
  // `pool`. `take` is as in derive_polar(). Preconditions: the tensor refers to this group, whose
  // method is polar. Errors: those of tensors(), check_operand() and derive_polar(); kMalformed if
  // a tensor of the group is missing.
  Status derive(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                parallel::ThreadPool& pool, MutableBytes dense, const TakePart& take = {});
  // Decodes a chunk with codec carried of a tensor of form rider into `out`, which has its decoded
  // size. The first call recovers the riders. Thread-safe. Preconditions: the tensor refers to this
  // group, whose method is bits-back. Errors: those of tensors(), recover_riders(), join_carried()
  // and chunk::decode(); kMalformed if a tensor of the group is missing; kChecksum.
  Status decode_carried(const catalog::Catalog& catalog, const catalog::TensorMeta& tensor,
                        const catalog::Chunk& chunk, Bytes payload, MutableBytes out);

 private:
  Status complete(const catalog::Catalog& catalog, std::uint64_t derived_bytes) const;

  catalog::Group group_;
  std::uint64_t count_ = 0;
  std::optional<PolarGroup> polar_;
  std::optional<BitsBackGroup> bits_back_;
  std::vector<catalog::Tensor> tensors_;
  std::vector<std::vector<std::byte>> bytes_;
  std::atomic<std::uint64_t> held_{sizeof(GroupState)};
  std::mutex mutex_;
  // Guarded by mutex_ until recovered. A failure is kept too, since it costs as much as a success.
  std::optional<Result<std::vector<std::byte>>> riders_;
};

// The bytes of groups that keep_newest() keeps.
inline constexpr std::uint64_t kMostGroupBytes = std::uint64_t{128} << 20;
// Releases the least recently used groups of a list that has the most recently used first. The
// first two always stay; further bits-back groups stay while all take at most kMostGroupBytes
// together. Polar groups serve one tensor, so that no others stay.
//
// Tensors may be read in any order, and recovering a bits-back group takes seconds. Its riders take
// no more memory than the archive has bytes for them (format-spec/limits.md), so that only large
// archives have more groups than fit.
void keep_newest(std::vector<std::shared_ptr<GroupState>>& groups);
// Returns whether keep_newest() keeps the group at index `place` of its list, and adds the group's
// memory to `held` if so. `held` is that of the groups before it which are kept.
bool keeps(const GroupState& group, std::size_t place, std::uint64_t& held);

}  // namespace bbz::symmetry
