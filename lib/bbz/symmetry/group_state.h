// GroupState: a symmetry group with the tensors that belong to it, and what follows from them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "bbz/format/catalog/catalog.h"
#include "bbz/symmetry/form.h"

namespace bbz::symmetry {

// Returns the bytes of the tensor that follows from a polar group, as far as one is known.
std::uint64_t derived_bytes(const catalog::Catalog& catalog, std::uint32_t group);

// Returns the error of a tensor of a group that is not there as a whole.
Error not_whole(std::uint32_t group, const catalog::Tensor& tensor);

// Holds a group and the bytes of the tensors that belong to it. A reader fills it: first with the
// group's payload, then with the bytes of those tensors in order.
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
  // Whether more than one tensor may follow from it.
  bool serves_many() const { return bits_back_.has_value(); }
  // How many bytes of memory it takes, about.
  std::uint64_t held_bytes() const { return held_; }
  // Returns those tensors, once it is known that they may be decoded, and that a tensor of
  // `derived_bytes` may be derived from them. Errors: those of group_tensors(),
  // check_rotation() and check_cost().
  Result<std::span<const catalog::Tensor>> tensors(const catalog::Catalog& catalog,
                                                   std::uint64_t derived_bytes) const;
  // Adds the decoded bytes of the next tensor of the group.
  void add(const catalog::Tensor& tensor, std::vector<std::byte>&& bytes);
  // Decodes those tensors and adds them. `payload_of` returns the payload of a chunk of theirs,
  // which lives until the next call; `decode` is chunk::decode or chunk::verify. Errors: those of
  // tensors(), of `payload_of` and of `decode`.
  using PayloadOf =
      std::function<Result<Bytes>(const catalog::Tensor& tensor, const catalog::Chunk& chunk)>;
  using Decode = Status(const catalog::TensorMeta&, const catalog::Chunk&, Bytes, MutableBytes);
  Status put_together(const catalog::Catalog& catalog, const PayloadOf& payload_of, Decode& decode);

  // A tensor of form polar, on the pool's threads and this one; `dense` has its size. `take` is as
  // in derive_polar().
  Status derive(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                parallel::ThreadPool& pool, MutableBytes dense, const TakePart& take = {});
  // A chunk of a tensor of form rider whose codec is carried; `out` has its decoded size. May be
  // called from many threads at once.
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
  // Under mutex_ until recovered. A failure stays as well: it costs as much as a success.
  std::optional<Result<std::vector<std::byte>>> riders_;
};

// Lets go of the groups that were needed longest ago, of a list with the newest need first, until
// the others take no more than kMostGroupBytes together; the first two stay whatever they take.
// Tensors need not be read in the order of their records, and a bits-back group costs seconds to
// put together. Its riders take no more memory than the archive has bytes for them
// (format-spec/limits.md), so that only large archives have more groups than fit. A polar group
// serves one tensor, and none but the first two stay.
inline constexpr std::uint64_t kMostGroupBytes = std::uint64_t{128} << 20;
void keep_newest(std::vector<std::shared_ptr<GroupState>>& groups);
// Decides about one of that list, and adds to `held` what it takes if it stays.
bool keeps(const GroupState& group, std::size_t place, std::uint64_t& held);

}  // namespace bbz::symmetry
