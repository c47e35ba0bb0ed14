// Content: the bytes of the tensors that were found, as far as they follow from what is left.
// Internal to the room.
#pragma once

#include <deque>
#include <functional>

#include "bbz/archive/group_state.h"
#include "bbz/base/large_buffer.h"
#include "bbz/salvage/survey.h"

namespace bbz::salvage {

// A part of a tensor: what one chunk stands for or, where the tensor is derived, all of it.
struct Piece {
  std::uint64_t size = 0;  // in the tensor, bytes
  Status outcome;          // why they are lost, if they are
  Bytes bytes;             // otherwise; valid until the next piece
};

class Content {
 public:
  // Both outlive the content.
  Content(io::Source& source, const Survey& survey) : source_(source), survey_(survey) {}

  // Calls `take` for one piece of the tensor after the other, which tile it. It does the same every
  // time, so that files are put together in two passes without holding them in memory. Errors:
  // those of `take`.
  Status read(const FoundTensor& tensor, const std::function<Status(const Piece&)>& take);

 private:
  // A group with what belongs to it.
  struct Group {
    catalog::Catalog catalog;  // of the tensors that belong to it, and nothing else
    std::shared_ptr<internal::GroupState> state;
  };

  Result<std::shared_ptr<Group>> find_group(const catalog::TensorMeta& tensor);
  Result<std::shared_ptr<Group>> load_group(std::uint32_t number);
  Result<std::vector<std::byte>> read_whole(const FoundTensor& tensor);
  Status read_derived(const FoundTensor& tensor);
  Status decode_chunk(const FoundTensor& tensor, const catalog::Chunk& chunk,
                      const Result<std::shared_ptr<Group>>& group);

  io::Source& source_;
  const Survey& survey_;
  parallel::ThreadPool pool_{1};
  std::vector<std::byte> payload_;
  std::vector<std::byte> plain_;
  std::vector<std::byte> dense_;
  LargeBuffer derived_;
  // The groups that were needed last, newest first: the tensors that refer to one lie close
  // together in a file.
  std::deque<std::pair<std::uint32_t, std::shared_ptr<Group>>> groups_;
  std::map<std::uint32_t, Error> lost_groups_;  // and those that are damaged: why
};

}  // namespace bbz::salvage
