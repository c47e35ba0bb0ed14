// BlockCache: decoded blocks, shared by all who read an archive. Internal to the room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "bbz/access/view/block.h"
#include "bbz/access/view/counters.h"
#include "bbz/access/view/internal/block_memory.h"
#include "bbz/parallel/thread_pool.h"

namespace bbz::view {

// The decoded bytes of a block; they stay as long as somebody holds them, and their memory then
// goes back to where it came from.
class DecodedBlock {
 public:
  DecodedBlock(std::shared_ptr<BlockMemory> memory, std::size_t size)
      : memory_(std::move(memory)), buffer_(memory_->take(size)), size_(size) {}
  ~DecodedBlock() { memory_->give_back(std::move(buffer_)); }
  DecodedBlock(const DecodedBlock&) = delete;
  DecodedBlock& operator=(const DecodedBlock&) = delete;

  std::size_t size() const { return size_; }
  Bytes bytes() const { return {buffer_.data.get(), size_}; }
  MutableBytes writable() { return {buffer_.data.get(), size_}; }

 private:
  std::shared_ptr<BlockMemory> memory_;
  Buffer buffer_;
  std::size_t size_;
};
using SharedBlock = std::shared_ptr<const DecodedBlock>;

// Keeps the blocks that were used last, up to a number of bytes. A block that several readers want
// at once is decoded once, by the one that came first; the others wait for it. What fails to decode
// is not kept: each later reader tries again. Safe to use from many threads at once.
class BlockCache {
 public:
  // Decodes a block into exactly its bytes; called from many threads at once, without a lock held.
  using Decode = std::function<Status(const Block&, MutableBytes)>;

  // A block larger than `capacity` bytes is decoded all the same, and is then the only one kept.
  // `threads` decode, 0 for all cores, a reader's own among them; with one, nothing is decoded
  // ahead.
  BlockCache(std::uint64_t capacity, unsigned threads, Decode decode);

  // Ends once the blocks under way are decoded; those that only wait are dropped.
  ~BlockCache();

  // The block, decoded on this thread where nobody has done so. Errors: those of Decode; kIo where
  // there is no memory for it.
  Result<SharedBlock> get(const Block& block);

  // Has the block decoded on another thread, if it is not there yet. False where that would not fit
  // beside the blocks that are under way.
  bool decode_ahead(const Block& block);

  // Whether the block is there, or decoded now or soon. It may be let go of at any time.
  bool knows(const Block& block) const;

  // How many blocks are worth decoding ahead at once.
  unsigned depth() const {
    return pool_.runs_inline() ? 0 : 2 * static_cast<unsigned>(pool_.size());
  }

  Counters counters() const;

 private:
  enum class State { kWaiting, kDecoding, kReady, kFailed, kDropped };

  struct Entry {
    Block block;
    State state = State::kDecoding;
    SharedBlock decoded;         // where ready
    std::optional<Error> error;  // where failed
    // In ready_ or waiting_, where it is ready or waits.
    std::list<Block::Key>::iterator place;
  };
  using SharedEntry = std::shared_ptr<Entry>;

  bool make_room(std::uint64_t size, bool for_a_reader);
  void let_go(Block::Key key);
  void run(const SharedEntry& entry, std::unique_lock<std::mutex>& lock);
  Result<SharedBlock> result_of(const Entry& entry);

  const std::uint64_t capacity_;
  const Decode decode_;
  // Shared with the blocks, which may outlive the cache.
  const std::shared_ptr<BlockMemory> memory_;

  std::mutex large_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Block::Key, SharedEntry, HashKey> entries_;  // by Block::key()
  std::list<Block::Key> ready_;                                   // their keys, used last first
  std::list<Block::Key> waiting_;  // to be decoded ahead, newest first
  std::uint64_t bytes_ = 0;        // of all entries
  bool ending_ = false;
  Counters counters_;

  parallel::ThreadPool pool_;  // last: its threads end before what they use
};

}  // namespace bbz::view
