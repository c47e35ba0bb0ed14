// Content: the bytes of the tensors that were found, as far as they can be recovered.
#pragma once

#include <deque>
#include <functional>

#include "bbz/access/salvage/survey.h"
#include "bbz/archive/supports.h"
#include "bbz/base/large_buffer.h"
#include "bbz/parallel/ordered_map.h"
#include "bbz/symmetry/decode.h"

namespace bbz::salvage {

// A part of a tensor: one chunk's share of it, a slice of that, or all of a derived tensor.
struct Piece {
  std::uint64_t size = 0;  // number of bytes of the tensor that it covers
  Status outcome;          // why they are lost, if they are
  Bytes bytes;             // if not lost; valid until the next piece
  bool is_based = false;   // they are lost because what they lean on is not at hand
};

// Decodes the tensors of a survey.
class Content {
 public:
  // Source and survey must outlive the content. `threads` decode. `base` has the tensors on which others
  // lean, and may be null.
  Content(io::Source& source, const Survey& survey, unsigned threads, std::shared_ptr<Base> base)
      : source_(source), survey_(survey), pool_(threads), supports_(std::move(base)) {}

  // Calls `take` on the calling thread for one piece of the tensor after the other; the pieces tile
  // it. Does the same every time, so that a file can be made in two passes without holding it in
  // memory. Errors: those of `take`.
  Status read(const FoundTensor& tensor, const std::function<Status(const Piece&)>& take);

 private:
  // A group with the tensors that belong to it.
  struct Group {
    catalog::Catalog catalog;  // lists the tensors that belong to it, and nothing else
    std::shared_ptr<symmetry::GroupState> state;
  };

  // A piece that is being decoded.
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
  Status read_view(const FoundTensor& view, const std::function<Status(const Piece&)>& take);
  Result<Bytes> decode_base(const FoundTensor& base, std::uint64_t number, Job& job);
  Status read_derived(const FoundTensor& tensor);
  void decode(const FoundTensor& tensor, const Result<std::shared_ptr<Group>>& group, Job& job);
  Status pass_on(const FoundTensor& tensor, Job& job,
                 const std::function<Status(const Piece&)>& take);
  Status decode_chunk(const FoundTensor& tensor, const catalog::Chunk& chunk,
                      const Result<std::shared_ptr<Group>>& group, Job& job);
  Status fill_support(const FoundTensor& tensor, const catalog::Chunk& chunk, Job& job);

  io::Source& source_;
  const Survey& survey_;
  parallel::ThreadPool pool_;
  Supports supports_;
  LargeBuffer derived_;
  std::vector<std::byte> slice_;  // a slice of one chunk's share, if the form is expanded
  // The groups that were needed last, newest first. Tensors that refer to one group lie close
  // together in a file.
  std::deque<std::pair<std::uint32_t, std::shared_ptr<Group>>> groups_;
  // The first tensor that was derived from each polar group; no group derives a second one.
  std::map<std::uint32_t, std::uint32_t> derived_from_;
  std::map<std::uint32_t, Error> lost_groups_;  // the groups that cannot be used, and why
};

}  // namespace bbz::salvage
