// Forms: rebuild the dense elements of a tensor from its stored elements.
#pragma once

#include <functional>

#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/group.h"

namespace bbz::symmetry {

// Checks that a tensor's record fits its form and the method of its group: rank, stored elements,
// group. Errors, naming the tensor: kMalformed; kUnsupported if the form or a required extension is
// unknown, or the dtype of a tensor without chunks; kLimit if decoding would take too much memory.
// Checks the base of a view in the same way.
Status check_form(const catalog::Catalog& catalog, const catalog::Tensor& tensor);

// Checks the rules of check_form() that concern the tensor's record alone, for readers without a
// complete catalog. Errors: those of check_form().
Status check_record(const catalog::Tensor& tensor);
// Checks that the group which a tensor refers to has the method that the tensor's form needs.
// Errors: kMalformed.
Status check_method(const catalog::TensorMeta& tensor, const catalog::GroupMeta& group);

// --- the kinds of forms, by which readers choose what to do

// Returns the name of a form, which is empty if it is not known.
std::string_view form_name(catalog::Form form);
// Returns whether a tensor has no chunks and is derived as a whole from its group: form polar.
bool is_derived(const catalog::TensorMeta& tensor);
// Returns whether the chunks of a tensor stand for other elements than they store: forms lower and
// pivot.
bool is_expanded(const catalog::TensorMeta& tensor);
// Returns whether parts of a tensor's payloads may be in its group: form rider.
bool may_be_carried(const catalog::TensorMeta& tensor);

// --- forms that are expanded: a chunk's elements lie in a contiguous range of the dense tensor

// A range of dense elements.
struct DenseRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Returns the dense elements that a chunk stands for, including those that are not stored. The
// ranges of all chunks cover the tensor without hole or overlap, in the order of the chunks.
// Precondition: check_form() succeeds and is_expanded(tensor).
DenseRange dense_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

// Receives a part of a tensor, which begins at byte `offset` of it and is valid during the call.
using TakePart = std::function<Status(std::uint64_t offset, Bytes part)>;

// Fills `dense` with dense elements from element `begin` on, including those that are not stored.
// `stored` are the chunk's decoded elements. Preconditions: those of dense_range(); `dense` has
// whole elements and lies within that range.
void expand_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                  std::uint64_t begin, MutableBytes dense);

// The most bytes that expand_chunk() holds at a time: a chunk can stand for thousands of times the
// elements that it stores.
inline constexpr std::size_t kExpandSlice = std::size_t{1} << 20;
// Calls `take` for slice after slice of dense_range(), made in the buffer `slice` from the chunk's
// decoded elements `stored`. Errors: those of `take`. Precondition: that of dense_range().
Status expand_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes stored,
                    std::vector<std::byte>& slice, const TakePart& take);

// --- polar

// Derives a tensor into `dense`, which has the tensor's size, from the payload of its group and the
// bytes of the operand (empty if the rank is 0). Uses the threads of `pool` too, if it is not null.
// Checks the derived checksum and digest. If `take` is set, calls it for each part of the
// tensor once it is hashed and still in the cache, before the checksum is known to be right.
// Errors: kMalformed and kChecksum, naming the tensor; those of `take`.
Status derive_polar(const catalog::TensorMeta& tensor, const PolarGroup& group, Bytes operand,
                    MutableBytes dense, parallel::ThreadPool* pool = nullptr,
                    const TakePart& take = {});

// --- rider

// A carried chunk with its own codec and its whole payload.
struct Joined {
  catalog::Chunk chunk;
  std::vector<std::byte> payload;
};
// Returns whether the chunk's codec is carried.
bool is_carried(const catalog::Chunk& chunk);
// Joins the part of a chunk's payload that is in the riders and the stored part. Precondition:
// is_carried(chunk). Errors: kUnsupported; kMalformed if the part does not lie within the riders,
// or the payload is longer than the decoded chunk.
Result<Joined> join_carried(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
                            Bytes payload, Bytes riders);

// The cost of deriving a tensor.
struct PolarCost {
  std::uint64_t rows = 0;  // of the factor F
  std::uint64_t rank = 0;
  std::uint64_t operand_bytes = 0;
  std::uint64_t derived_bytes = 0;

  // Returns the number of multiplications.
  std::uint64_t work() const { return rows * rows * rank; }
  // Returns the bytes that a decoder holds: the operand, the factor as float64, the derived tensor.
  std::uint64_t memory() const { return operand_bytes + 8 * rows * rank + derived_bytes; }
  // Returns the bytes that the group and its operand must take in the archive, so that work and
  // memory are in proportion to them.
  std::uint64_t least_stored_bytes() const;
};
// The proportions of PolarCost::least_stored_bytes(): work and memory for each stored byte, and
// memory that is free.
inline constexpr std::uint64_t kPolarWorkPerByte = std::uint64_t{1} << 18;
inline constexpr std::uint64_t kPolarMemoryPerByte = 192;
inline constexpr std::uint64_t kFreePolarMemory = std::uint64_t{8} << 20;

// Checks that deriving a tensor of `derived_bytes` bytes is in proportion to the bytes that its
// polar group and the group's operand take in the archive. Call it before the operand is decoded.
// `operand` is the result of group_tensors(). Errors: kLimit, naming the group.
Status check_cost(const catalog::Group& group, const PolarGroup& polar,
                  std::span<const catalog::Tensor> operand, std::uint64_t derived_bytes);

// Checks that a polar group's operand has the dtype of the factor of `derived`, which refers to the
// group. Succeeds if no tensor of that dtype can be derived. Errors: kMalformed, naming the
// operand.
Status check_operand(const catalog::Group& group, const catalog::Tensor& operand,
                     const catalog::TensorMeta& derived);

// Returns the bytes that a bits-back group and its carriers must take in the archive, so that the
// cost of decoding is in proportion to them. The carriers have `carrier_bytes` decoded bytes.
std::uint64_t least_stored_bytes(const BitsBackGroup& rotation, std::uint64_t carrier_bytes);

// Checks that the width of a group's rotation is within the limit, that the group and its carriers
// take least_stored_bytes(), and that the carriers are matrices of that width and of the same
// dtype: F16, BF16 or F32. Call it before a carrier is decoded. Errors, naming the group: kLimit,
// kMalformed.
Status check_rotation(const catalog::Group& group, const BitsBackGroup& rotation,
                      std::span<const catalog::Tensor> carriers);

// Recovers the riders of a group from the bytes of its carriers, which are in archive order.
// Precondition: there is a carrier. Errors: those of bitsback::decode, naming the first carrier.
Result<std::vector<std::byte>> recover_riders(const BitsBackGroup& group,
                                              std::span<const catalog::Tensor> carriers,
                                              std::span<const std::vector<std::byte>> bytes);

// Returns the `count` tensors that directly follow a group record and belong to it: its operand or
// its carriers. Errors: kMalformed if there are fewer, or one does not fit the method; kLimit if
// they take more than kMaxGroupTensorBytes.
Result<std::span<const catalog::Tensor>> group_tensors(const catalog::Catalog& catalog,
                                                       const catalog::Group& group,
                                                       std::uint64_t count);

}  // namespace bbz::symmetry
