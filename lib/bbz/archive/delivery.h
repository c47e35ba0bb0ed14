// Delivery: what Reader and read_stream() share - chunks decoded on several threads, a visitor
// called in order. Internal to bbz.
#pragma once

#include <functional>
#include <memory>

#include "bbz/archive/visitor.h"
#include "bbz/base/large_buffer.h"
#include "bbz/io/source.h"
#include "bbz/parallel/ordered_map.h"
#include "bbz/symmetry/decode.h"

namespace bbz::internal {

// One call of the visitor that is on its way.
struct Step {
  enum class Kind { kMetadata, kBeginFile, kGroup, kBeginTensor, kChunk, kEndTensor, kEndFile };

  Kind kind{};
  std::shared_ptr<const catalog::File> file;
  std::shared_ptr<const catalog::Tensor> tensor;
  catalog::Group group;
  std::shared_ptr<symmetry::GroupState>
      group_state;  // of a stream's group, where its method is known
  catalog::Chunk chunk;
  catalog::Metadata metadata;
  std::vector<std::byte> payload;  // of the chunk, the group or the metadata
  std::vector<std::byte> plain;    // what the chunk decodes to
  bool left = false;               // the payload is still in the archive
  bool decode = true;              // false: the payload is checked, and nothing made of it
  symmetry::Check check = symmetry::Check::kDecoded;
  bool wanted = true;  // false: what is decoded is for a group only
  Status outcome;      // of reading and decoding the chunk, or taking the group
};

// On a worker: reads the payload of a chunk, where that was left to it, checks or decodes it,
// unless it needs what only comes with the steps before it. What is wrong with the chunk stands in
// step.outcome; an error is that the source could not be read.
Status decode_step(Step& step, io::Source& source);

// On the calling thread: calls the visitor for one step after the other.
class Delivery {
 public:
  // Finds the state of a group that a tensor refers to, with its tensors' bytes.
  using FindGroup =
      std::function<Result<std::shared_ptr<symmetry::GroupState>>(std::uint32_t group)>;

  // `catalog` holds at least the tensor that is delivered and the groups before it; `pool` helps to
  // derive tensors.
  Delivery(const catalog::Catalog& catalog, Visitor& visitor, parallel::ThreadPool& pool,
           FindGroup find_group)
      : catalog_(catalog), visitor_(visitor), pool_(pool), find_group_(std::move(find_group)) {}

  Status deliver(Step& step);

 private:
  Status begin_tensor(const Step& step);
  Status chunk(Step& step);

  const catalog::Catalog& catalog_;
  Visitor& visitor_;
  parallel::ThreadPool& pool_;
  FindGroup find_group_;
  std::shared_ptr<symmetry::GroupState> group_;  // of the tensor that is delivered
  LargeBuffer derived_;                          // its bytes, where it is one
  std::vector<std::byte> slice_;  // of what a chunk stands for, where its form is lower
  Status form_;                   // whether that tensor's form can be delivered
};

}  // namespace bbz::internal
