// Delivery: decodes chunks on several threads and calls a visitor in order, for Reader and
// read_stream().
#pragma once

#include <functional>
#include <memory>

#include "bbz/archive/visitor.h"
#include "bbz/base/large_buffer.h"
#include "bbz/io/source.h"
#include "bbz/parallel/ordered_map.h"
#include "bbz/symmetry/decode.h"

namespace bbz::internal {

// One call of the visitor, or a group of a stream. Each kind uses only some of the members.
struct Step {
  enum class Kind { kMetadata, kBeginFile, kGroup, kBeginTensor, kChunk, kEndTensor, kEndFile };

  Kind kind{};
  std::shared_ptr<const catalog::File> file;
  std::shared_ptr<const catalog::Tensor> tensor;
  catalog::Group group;
  // The state of a stream's group, or null if its method is not supported.
  std::shared_ptr<symmetry::GroupState> group_state;
  catalog::Chunk chunk;
  catalog::Metadata metadata;
  std::vector<std::byte> payload;  // payload of the chunk, the group or the metadata
  std::vector<std::byte> plain;    // decoded bytes of the chunk
  bool left = false;               // decode_step() reads the payload from the source
  bool decode = true;              // otherwise only the payload is checked
  symmetry::Check check = symmetry::Check::kDecoded;
  bool wanted = true;  // otherwise the tensor is decoded only for a group
  Status outcome;      // result of reading and decoding the chunk, or of parsing the group
};

// Reads the payload of a chunk, if step.left is set, and checks or decodes it. Leaves a chunk that
// needs a group to Delivery. Does nothing for other kinds of steps. Called on any thread. Stores an
// error of the chunk in step.outcome. Errors: those of the source.
Status decode_step(Step& step, io::Source& source);

// Calls the visitor for one step after the other. All calls come from the same thread.
class Delivery {
 public:
  // Returns the state of a group that a tensor refers to, with the bytes of the group's tensors.
  using FindGroup =
      std::function<Result<std::shared_ptr<symmetry::GroupState>>(std::uint32_t group)>;

  // Refers to its arguments, which must outlive it. `catalog` must have the delivered tensor and
  // the groups before it. `pool` helps to derive tensors.
  Delivery(const catalog::Catalog& catalog, Visitor& visitor, parallel::ThreadPool& pool,
           FindGroup find_group)
      : catalog_(catalog), visitor_(visitor), pool_(pool), find_group_(std::move(find_group)) {}

  // Calls the visitor for one step. Errors: those of the visitor.
  Status deliver(Step& step);

 private:
  Status begin_tensor(const Step& step);
  Status find_group(const catalog::Tensor& tensor);
  Status decode_carried(Step& step);
  Status chunk(Step& step);

  const catalog::Catalog& catalog_;
  Visitor& visitor_;
  parallel::ThreadPool& pool_;
  FindGroup find_group_;
  std::shared_ptr<symmetry::GroupState> group_;  // group of the current tensor
  LargeBuffer derived_;                          // bytes of the current tensor, if it is derived
  std::vector<std::byte> slice_;                 // slice of a chunk of the form lower
  Status form_;                                  // error of the current tensor's form or group
};

}  // namespace bbz::internal
