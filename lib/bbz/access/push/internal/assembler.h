// Assembler: makes tensors of verified payloads, in whatever order they arrive.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "bbz/access/push/decoder.h"
#include "bbz/access/push/internal/record_map.h"
#include "bbz/archive/supports.h"
#include "bbz/parallel/thread_pool.h"
#include "bbz/symmetry/decode.h"

namespace bbz::push::internal {

// Decodes verified payloads, and passes tensors, files and groups to the receiver as soon as all
// that they need is there. Methods return the errors of the receiver, and errors that make the
// archive as a whole wrong. What is wrong with one tensor goes to Receiver::failed().
class Assembler {
 public:
  // `trusted` are the bytes that a restored state has verified. Everything must outlive the assembler.
  Assembler(Input& input, RecordMap& record_map, const Options& options, const RangeSet& trusted,
            Receiver& receiver);

  // Takes a record that has become known: the newest of the catalog.
  Status add(std::size_t unit);
  // Called once, when all records are known.
  Status end_list();

  // Returns whether take() needs the bytes of the payload, and not only that they are verified.
  bool needs_payload(const Unit& unit) const;
  // Takes the verified payload of a unit, and releases it when it is no longer needed.
  Status take(std::size_t unit, Bytes payload);
  // Counts a unit as verified and passed on without its payload, because a restored state says so.
  Status trust(std::size_t unit);

  // Returns whether a tensor is wanted and has not failed.
  bool wants(std::uint32_t tensor) const {
    return progress_[tensor].wanted && !progress_[tensor].broken;
  }
  // Returns the number of tensors that are wanted and have neither ended nor failed.
  std::uint64_t open() const { return open_; }
  // Returns the number of tensors that belong to a group, or nullopt if its payload was not read
  // yet. Errors: why the group is of no use.
  Result<std::optional<std::uint64_t>> group_size(std::uint32_t group) const;

 private:
  struct Progress {
    std::uint64_t unit = 0;      // of the tensor record, which has chunk 0; the others follow
    std::uint64_t verified = 0;  // number of chunks
    std::uint64_t handed = 0;    // number of chunks passed to the receiver
    bool wanted = false;
    bool begun = false;
    bool ended = false;
    bool broken = false;   // a part of it failed
    bool counted = false;  // as one of the tensors that keep its group open
  };
  struct FileProgress {
    std::uint64_t ended = 0;  // number of tensors
    bool closed = false;      // its file-end record is known
  };
  struct GroupProgress {
    std::uint64_t unit = 0;
    bool read = false;        // its payload was read
    Status useless;           // why nothing can be made of it, if so
    std::uint64_t count = 0;  // number of tensors that belong to it
    std::uint64_t whole = 0;  // number of these, from the first on, whose chunks are all verified
    bool complete = false;    // all of them are whole
    std::vector<std::uint32_t> waiting;  // tensors that need it
    std::uint64_t open = 0;              // number of tensors that refer to it and have not ended

    // Without a store, payloads that are needed later stay in memory.
    bool superseded = false;        // a newer group of its method is known
    bool dropped = false;           // no tensor refers to it now
    std::vector<std::size_t> kept;  // units
    std::uint64_t lent = 0;         // bytes of them that do not count against the limit
  };

  // Tensors, in assembler.cc.
  Status add_tensor(std::size_t unit);
  Status take_chunk(std::size_t unit, Bytes payload);
  Status hand_out(std::size_t unit, Bytes payload);
  Status decode(const catalog::Chunk& chunk, Bytes payload, symmetry::GroupState* group,
                chunk::Check check);
  Status hand_out_waiting(std::uint32_t tensor);
  Status pass_on(std::size_t unit);
  Status count_as_handed(std::uint32_t tensor);
  Status deliver(std::uint32_t tensor, std::uint64_t offset, Bytes bytes);
  Status derive(std::uint32_t tensor);
  Status fail(std::uint32_t tensor, const catalog::Chunk* chunk, const Error& error);
  Status close_if_done(std::uint32_t tensor);
  Status end_tensor(std::uint32_t tensor, bool silently);
  Status check_file(std::uint32_t file);
  bool needs_group(const catalog::Chunk& chunk) const;

  // Chunks that repeat others, in repeats.cc.
  Status add_repeat(std::size_t unit);
  Status take_repeats(std::size_t repeated, Bytes payload);
  Status trust_repeats(std::size_t repeated);
  bool is_repeated(std::size_t unit) const;
  Status hand_out_repeat(std::size_t unit, std::size_t repeated);
  Status recall(std::size_t unit, std::size_t repeated);

  // Views, in views.cc.
  // A view that waits for a chunk of its base.
  struct WaitingView {
    std::uint32_t view = 0;
    std::uint64_t chunk = 0;  // its number in the base
  };
  Status add_view(std::uint32_t view);
  Status gather_or_wait(const WaitingView& waiting);
  std::size_t unit_with_payload(const catalog::Tensor& tensor, std::uint64_t chunk) const;
  Status look_at_views(std::size_t unit);
  Status gather(std::uint32_t view);
  Status read_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out,
                   std::optional<std::uint64_t>& decoded);
  Status recall_base(const catalog::Tensor& base, std::uint64_t offset, MutableBytes out);

  // Tensors that follow from others, in groups.cc.
  Status add_group(std::size_t unit);
  Status take_group(std::size_t unit, Bytes payload);
  Status check_listed(const symmetry::GroupState& group) const;
  Status wait_for_group(std::uint32_t tensor);
  Status look_at_group(std::uint32_t group);
  Status tensor_whole(std::uint32_t tensor);
  // Whether it is known what becomes of chunks that need the group: they are decoded or fail.
  bool group_decided(std::uint32_t group) const {
    return groups_[group].complete || !groups_[group].useless.ok();
  }
  Result<std::shared_ptr<symmetry::GroupState>> group_state(std::uint32_t group);
  Status keep_or_release(std::size_t unit);
  void keep(GroupProgress& group, std::size_t unit);
  void release_kept(std::uint32_t group);
  void let_go_of_group(std::uint32_t tensor);
  void drop_if_done(std::uint32_t group);

  const catalog::Catalog& catalog() const { return record_map_.catalog(); }

  Input& input_;
  RecordMap& record_map_;
  const Options& options_;
  const RangeSet& trusted_;
  Receiver& receiver_;
  parallel::ThreadPool pool_;
  Supports supports_;
  std::vector<Progress> progress_;
  std::vector<FileProgress> files_;
  std::uint64_t open_ = 0;
  std::vector<std::byte> payload_;  // reused buffers, like the next three
  std::vector<std::byte> plain_;
  std::vector<std::byte> dense_;
  std::vector<std::byte> slice_;

  // The units of chunks that wait for the payload of the unit that they repeat, by that.
  std::unordered_map<std::size_t, std::vector<std::size_t>> repeats_;

  // The views that wait for the payload of a unit, by that. Each waits for one at a time.
  std::unordered_map<std::size_t, std::vector<WaitingView>> views_;

  std::vector<GroupProgress> groups_;
  // The groups that wait until a tensor is whole, by tensor.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> watchers_;
  std::vector<std::shared_ptr<symmetry::GroupState>> states_;  // newest first
  std::vector<std::uint32_t> live_;                            // groups that are not dropped
  std::unordered_map<std::size_t, std::uint32_t> keepers_;     // number of groups that keep a unit
};

}  // namespace bbz::push::internal
