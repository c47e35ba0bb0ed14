// Forms: from what is stored to the dense elements of a tensor.
#pragma once

#include <functional>

#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/group.h"

namespace bbz::symmetry {

// Whether a tensor's record fits its form and its group's method: rank, stored elements, group.
// Unknown forms are kUnsupported, as are unknown dtypes of tensors without chunks; records that do
// not fit are kMalformed, those that would make a decoder hold too much are kLimit. The tensor is
// named.
Status check_form(const catalog::Catalog& catalog, const catalog::Tensor& tensor);

// Its two halves, for who has no catalog: what the tensor's record alone can break, and whether the
// group that it refers to is of the method that its form needs.
Status check_record(const catalog::Tensor& tensor);
Status check_method(const catalog::TensorMeta& tensor, const catalog::GroupMeta& group);

// --- lower: a chunk's elements lie in a contiguous range of the dense tensor

// A range of dense elements.
struct DenseRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// The dense elements that a chunk accounts for: from its first element up to the first element of
// the next chunk, zeros right of the diagonal included. The ranges of all chunks tile the tensor.
// Precondition: check_form() holds and the tensor is lower.
DenseRange lower_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

// Takes a part of a tensor, which begins at its byte `offset`.
using TakePart = std::function<Status(std::uint64_t offset, Bytes part)>;

// Spreads a chunk's decoded elements, which are `stored`, over a part of its dense range: fills
// `dense` with the elements from `begin` on, zeros right of the diagonal included. Preconditions:
// those of lower_range(); the part lies in that range and has whole elements.
void expand_lower(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense);

// Spreads them over all of the range, and calls `take` for one slice of it after the other. A chunk
// can stand for thousands of times the elements that it stores, so no more than kLowerSlice bytes
// are held at a time, in `slice`. Errors: those of `take`. Precondition: that of lower_range().
inline constexpr std::size_t kLowerSlice = std::size_t{1} << 20;
Status expand_lower(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                    std::vector<std::byte>& slice, const TakePart& take);

// --- polar

// The derived tensor from its group's payload and the bytes of the operand (empty where the rank is
// 0), on the pool's threads too, where there is one. Checks the decoded checksum and digest.
// `dense` has the tensor's size. `take`, where there is one, is called for part after part of it
// while that is hashed and so in the cache, before it is known whether the checksum is right.
// Errors: kMalformed, kChecksum, the tensor is named; those of `take`.
Status derive_polar(const catalog::TensorMeta& tensor, const PolarGroup& group, Bytes operand,
                    MutableBytes dense, parallel::ThreadPool* pool = nullptr,
                    const TakePart& take = {});

// --- rider

// The chunk as the codec knows it, its payload put together from the riders and what is stored. A
// chunk whose codec is not carried comes back as it is, and needs no riders. Errors: kMalformed
// where the payload does not lie within the riders.
struct Joined {
  catalog::Chunk chunk;
  std::vector<std::byte> payload;
};
bool is_carried(const catalog::Chunk& chunk);
Result<Joined> join_carried(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
                            Bytes payload, Bytes riders);

// What deriving a tensor takes.
struct PolarCost {
  std::uint64_t rows = 0;  // of the factor
  std::uint64_t rank = 0;
  std::uint64_t operand_bytes = 0;
  std::uint64_t derived_bytes = 0;

  std::uint64_t work() const { return rows * rows * rank; }
  // A decoder holds the operand, the factor as float64, and what is derived.
  std::uint64_t memory() const { return operand_bytes + 8 * rows * rank + derived_bytes; }
  // Returns how many bytes must be stored of the group and its operand, so that their work and
  // memory are in proportion to them.
  std::uint64_t least_stored_bytes() const;
};
inline constexpr std::uint64_t kPolarWorkPerByte = std::uint64_t{1} << 18;
inline constexpr std::uint64_t kPolarMemoryPerByte = 192;
inline constexpr std::uint64_t kFreePolarMemory = std::uint64_t{8} << 20;

// Checks that a tensor of `derived_bytes` costs no more than the bytes stored of its polar group
// and of the group's operand allow. To be asked before the operand is decoded. `operand` is what
// belongs to the group, as group_tensors() gives it. Errors: kLimit, the group is named.
Status check_cost(const catalog::Group& group, const PolarGroup& polar,
                  std::span<const catalog::Tensor> operand, std::uint64_t derived_bytes);

// Whether a polar group's operand has the type of a factor that `derived`, which refers to the
// group, can follow from. Errors: kMalformed, the operand is named.
Status check_operand(const catalog::Group& group, const catalog::Tensor& operand,
                     const catalog::TensorMeta& derived);

// Returns how many bytes must be stored of a group with such a rotation and of its carriers, which
// have `carrier_bytes` decoded, so that what they cost is in proportion.
std::uint64_t least_stored_bytes(const BitsBackGroup& rotation, std::uint64_t carrier_bytes);

// Checks that a group's rotation is one that a decoder should hold, and one that the bytes stored
// of the group and its carriers can give; then, that these are matrices of its width and of one
// type that can carry. To be asked before any is decoded. Errors: kLimit, kMalformed; the group is
// named.
Status check_rotation(const catalog::Group& group, const BitsBackGroup& rotation,
                      std::span<const catalog::Tensor> carriers);

// The riders of a group, recovered from the bytes of its carriers in archive order.
// Errors: those of bitsback::decode; the junction is named by its first carrier.
Result<std::vector<std::byte>> recover_riders(const BitsBackGroup& group,
                                              std::span<const catalog::Tensor> carriers,
                                              std::span<const std::vector<std::byte>> bytes);

// The tensors that directly follow a group record and belong to it: its operand or its carriers.
// Errors: kMalformed where there are not as many, or they are not what the method needs; kLimit
// where they take more than kMaxGroupTensorBytes.
Result<std::span<const catalog::Tensor>> group_tensors(const catalog::Catalog& catalog,
                                                       const catalog::Group& group,
                                                       std::uint64_t count);

}  // namespace bbz::symmetry
