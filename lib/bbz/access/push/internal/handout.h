// Handout: makes tensors out of verified payloads, in whatever order they come. Internal to bbz.
#pragma once

#include <unordered_map>
#include <vector>

#include "bbz/access/push/decoder.h"
#include "bbz/access/push/internal/outline.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/decode.h"

namespace bbz::internal {

// Decodes verified payloads and passes tensors, files and groups on to the receiver, each as soon
// as all that it needs is there. Errors of the methods are those of the receiver, and those that
// make the archive as a whole wrong; what is wrong with one tensor is reported to the receiver.
class Handout {
 public:
  Handout(Input& input, Outline& outline, const push::Options& options, push::Receiver& receiver);

  // A record has become known, the newest of the catalog.
  Status add(std::size_t unit);
  // All records are known.
  Status end_list();

  // Whether take() needs the payload itself, and not only that it is verified.
  bool needs_payload(const Unit& unit) const;
  // The payload of a unit has been verified. Takes care that it is released.
  Status take(std::size_t unit, Bytes payload);
  // Counts a unit as verified whose payload is not looked at: a state that was restored says that
  // it was verified and handed out before.
  Status trust(std::size_t unit);

  bool wants(std::uint32_t tensor) const {
    return progress_[tensor].wanted && !progress_[tensor].broken;
  }
  // How many tensors are wanted and have neither ended nor failed.
  std::uint64_t open() const { return open_; }
  // How many tensors belong to a group, where its payload was read; an error where it is of no use.
  Result<std::optional<std::uint64_t>> group_size(std::uint32_t group) const;

 private:
  struct Progress {
    std::uint64_t unit = 0;      // of the tensor record; those of its chunks follow
    std::uint64_t verified = 0;  // chunks
    std::uint64_t handed = 0;    // chunks
    bool wanted = false;
    bool begun = false;
    bool ended = false;
    bool broken = false;   // something of it failed
    bool counted = false;  // among those that keep its group open
  };
  struct FileProgress {
    std::uint64_t ended = 0;  // tensors
    bool closed = false;      // its end is known
  };
  struct GroupProgress {
    std::uint64_t unit = 0;
    bool read = false;        // its payload was
    Status useless;           // why nothing can be made of it
    std::uint64_t count = 0;  // of the tensors that belong to it
    std::uint64_t whole = 0;  // of these, how many from the first on have all chunks verified
    bool complete = false;    // all of them
    std::vector<std::uint32_t> waiting;  // tensors that need it
    std::uint64_t open = 0;              // of those that refer to it, how many have not ended

    // Without a store, what is needed later stays in memory.
    bool superseded = false;        // a newer one of its method has come
    bool dropped = false;           // nothing refers to it any more
    std::vector<std::size_t> kept;  // units
    std::uint64_t lent = 0;         // bytes of them that do not count
  };

  // handout.cc: tensors
  Status add_tensor(std::size_t unit);
  Status take_chunk(std::size_t unit, Bytes payload);
  Status hand_out(std::size_t unit, Bytes payload);
  Status hand_out_waiting(std::uint32_t tensor);
  Status deliver(std::uint32_t tensor, std::uint64_t offset, Bytes bytes);
  Status derive(std::uint32_t tensor);
  Status fail(std::uint32_t tensor, const catalog::Chunk* chunk, const Error& error);
  Status close_if_done(std::uint32_t tensor);
  Status end_tensor(std::uint32_t tensor, bool silently);
  Status check_file(std::uint32_t file);
  bool needs_group(const catalog::Chunk& chunk) const;

  // groups.cc: what tensors follow from others
  Status add_group(std::size_t unit);
  Status take_group(std::size_t unit, Bytes payload);
  Status check_listed(const symmetry::GroupState& group) const;
  Status wait_for_group(std::uint32_t tensor);
  Status look_at_group(std::uint32_t group);
  Status tensor_whole(std::uint32_t tensor);
  bool group_complete(std::uint32_t group) const { return groups_[group].complete; }
  Result<std::shared_ptr<symmetry::GroupState>> group_state(std::uint32_t group);
  Status keep_or_release(std::size_t unit);
  void keep(GroupProgress& group, std::size_t unit);
  void release_kept(std::uint32_t group);
  void let_go_of_group(std::uint32_t tensor);
  void drop_if_done(std::uint32_t group);

  const catalog::Catalog& catalog() const { return outline_.catalog(); }

  Input& input_;
  Outline& outline_;
  const push::Options& options_;
  push::Receiver& receiver_;
  parallel::ThreadPool pool_;
  std::vector<Progress> progress_;
  std::vector<FileProgress> files_;
  std::uint64_t open_ = 0;
  std::vector<std::byte> payload_;  // buffers
  std::vector<std::byte> plain_;
  std::vector<std::byte> dense_;
  std::vector<std::byte> slice_;

  std::vector<GroupProgress> groups_;
  // Groups that wait for a tensor to become whole, or to be there at all.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> watchers_;
  std::vector<std::shared_ptr<symmetry::GroupState>> states_;  // newest first
  std::vector<std::uint32_t> live_;                            // groups that are not dropped
  std::unordered_map<std::size_t, std::uint32_t> keepers_;     // how many groups keep a unit
};

}  // namespace bbz::internal
