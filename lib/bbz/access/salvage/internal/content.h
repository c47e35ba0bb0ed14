// Content: the bytes of the tensors that were found, as far as they follow from what is left.
// Internal to the room.
#pragma once

#include <deque>
#include <functional>

#include "bbz/access/salvage/survey.h"
#include "bbz/base/large_buffer.h"
#include "bbz/parallel/ordered_map.h"
#include "bbz/symmetry/decode.h"

namespace bbz::salvage {

// A part of a tensor: what one chunk stands for, or a slice of that, or all of a derived tensor.
struct Piece {
  std::uint64_t size = 0;  // in the tensor, bytes
  Status outcome;          // why they are lost, if they are
  Bytes bytes;             // otherwise; valid until the next piece
};

class Content {
 public:
  // Source and survey outlive the content; `threads` that decode, 0: all cores.
  Content(io::Source& source, const Survey& survey, unsigned threads)
      : source_(source), survey_(survey), pool_(threads) {}

  // Calls `take` for one piece of the tensor after the other, which tile it, on the calling thread.
  // It does the same every time, so that files are put together in two passes without holding them
  // in memory. Errors: those of `take`.
  Status read(const FoundTensor& tensor, const std::function<Status(const Piece&)>& take);

 private:
  // A group with what belongs to it.
  struct Group {
    catalog::Catalog catalog;  // of the tensors that belong to it, and nothing else
    std::shared_ptr<symmetry::GroupState> state;
  };

  // A piece on its way.
  struct Job {
    std::uint64_t number = 0;  // of the chunk
    Piece piece;
    std::vector<std::byte> payload;
    std::vector<std::byte> plain;
  };

  Result<std::shared_ptr<Group>> find_group(const catalog::TensorMeta& tensor,
                                            std::uint64_t derived_bytes);
  void keep_newest();
  Result<std::shared_ptr<Group>> load_group(std::uint32_t number, std::uint64_t derived_bytes);
  Result<std::vector<std::byte>> read_whole(const FoundTensor& tensor);
  Status read_derived(const FoundTensor& tensor);
  void decode(const FoundTensor& tensor, const Result<std::shared_ptr<Group>>& group, Job& job);
  Status pass_on(const FoundTensor& tensor, Job& job,
                 const std::function<Status(const Piece&)>& take);
  Status decode_chunk(const FoundTensor& tensor, const catalog::Chunk& chunk,
                      const Result<std::shared_ptr<Group>>& group, Job& job);

  io::Source& source_;
  const Survey& survey_;
  parallel::ThreadPool pool_;
  LargeBuffer derived_;
  std::vector<std::byte> slice_;  // of what a chunk stands for, where the form is lower
  // The groups that were needed last, newest first: the tensors that refer to one lie close
  // together in a file.
  std::deque<std::pair<std::uint32_t, std::shared_ptr<Group>>> groups_;
  // The first tensor that was derived from each polar group, which derives one at most.
  std::map<std::uint32_t, std::uint32_t> derived_from_;
  std::map<std::uint32_t, Error> lost_groups_;  // and those that are damaged: why
};

}  // namespace bbz::salvage
