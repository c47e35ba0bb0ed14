// BlockCache: decoded blocks that all readers of an archive share.
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

// The decoded bytes of a block. When the last holder releases them, their memory goes back to the
// BlockMemory that it came from.
class DecodedBlock {
 public:
  // Takes a buffer of `size` bytes from the memory. Throws std::bad_alloc.
  DecodedBlock(std::shared_ptr<BlockMemory> memory, std::size_t size)
      : memory_(std::move(memory)), buffer_(memory_->take(size)), size_(size) {}
  ~DecodedBlock() { memory_->give_back(std::move(buffer_)); }
  DecodedBlock(const DecodedBlock&) = delete;
  DecodedBlock& operator=(const DecodedBlock&) = delete;

  // Returns the size in bytes.
  std::size_t size() const { return size_; }
  // Returns the decoded bytes.
  Bytes bytes() const { return {buffer_.data.get(), size_}; }
  // Returns the bytes, to be written before the block is shared.
  MutableBytes writable() { return {buffer_.data.get(), size_}; }

 private:
  std::shared_ptr<BlockMemory> memory_;
  Buffer buffer_;
  std::size_t size_;
};
// A decoded block that its readers and the cache hold together.
using SharedBlock = std::shared_ptr<const DecodedBlock>;

// Keeps the blocks that were used last, up to a number of bytes. A block that several readers want
// at once is decoded once, by the first of them; the others wait for it. A block that fails to
// decode is not kept: each later reader tries again. Safe to use from many threads at once.
class BlockCache {
 public:
  // Decodes a block into a buffer of its size. Called from many threads at once, without a lock
  // held.
  using Decode = std::function<Status(const Block&, MutableBytes)>;

  // Makes an empty cache. A block larger than `capacity` bytes is decoded too, and is then the only
  // one kept. `threads` decode, including those of readers. With one, nothing is decoded ahead.
  BlockCache(std::uint64_t capacity, unsigned threads, Decode decode);

  // Waits until the blocks in progress are decoded. Those that only wait are dropped.
  ~BlockCache();

  // Returns the block. Decodes it on this thread if no other thread has. Errors: those of Decode;
  // kIo if there is no memory for it.
  Result<SharedBlock> get(const Block& block);

  // Has the block decoded on another thread, if it is not there yet. Returns false if it would not
  // fit beside the blocks in progress.
  bool decode_ahead(const Block& block);

  // Returns whether the block is decoded, is being decoded or waits for it. It may be dropped at
  // any time.
  bool knows(const Block& block) const;

  // Returns the number of blocks that are worth decoding ahead at once.
  unsigned depth() const {
    return pool_.runs_inline() ? 0 : 2 * static_cast<unsigned>(pool_.size());
  }

  // Returns what the cache has done so far.
  Counters counters() const;

 private:
  enum class State { kWaiting, kDecoding, kReady, kFailed, kDropped };

  struct Entry {
    Block block;
    State state = State::kDecoding;
    SharedBlock decoded;         // if ready
    std::optional<Error> error;  // if failed
    // Its place in ready_ or waiting_, if it is ready or waits.
    std::list<Block::Key>::iterator place;
  };
  using SharedEntry = std::shared_ptr<Entry>;

  bool make_room(std::uint64_t size, bool for_a_reader);
  void let_go(Block::Key key);
  void run(const SharedEntry& entry, std::unique_lock<std::mutex>& lock);
  Result<SharedBlock> result_of(const Entry& entry);

  const std::uint64_t capacity_;
  const Decode decode_;
  // Shared with the blocks, because they may outlive the cache.
  const std::shared_ptr<BlockMemory> memory_;

  std::mutex large_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<Block::Key, SharedEntry, HashKey> entries_;  // by Block::key()
  std::list<Block::Key> ready_;    // keys of decoded blocks, last used first
  std::list<Block::Key> waiting_;  // keys of blocks to be decoded ahead, newest first
  std::uint64_t bytes_ = 0;        // of all entries
  bool ending_ = false;
  Counters counters_;

  parallel::ThreadPool pool_;  // last, so that its threads end before what they use
};

}  // namespace bbz::view
