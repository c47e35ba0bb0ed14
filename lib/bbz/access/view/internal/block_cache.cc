#include "bbz/access/view/internal/block_cache.h"

#include <algorithm>
#include <new>

namespace bbz::view {
namespace {

// The largest amount of idle memory. It need only cover the few blocks that are decoded at once.
constexpr std::uint64_t kMostIdle = std::uint64_t{8} << 20;

}  // namespace

BlockCache::BlockCache(std::uint64_t capacity, unsigned threads, Decode decode)
    : capacity_(capacity),
      decode_(std::move(decode)),
      memory_(std::make_shared<BlockMemory>(std::min(capacity / 4, kMostIdle))),
      pool_(threads) {}

BlockCache::~BlockCache() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
}

void BlockCache::let_go(Block::Key key) {
  const auto at = entries_.find(key);
  Entry& entry = *at->second;
  (entry.state == State::kReady ? ready_ : waiting_).erase(entry.place);
  if (entry.state == State::kWaiting) entry.state = State::kDropped;
  bytes_ -= entry.block.size();
  entries_.erase(at);
}

// Drops the oldest blocks until `size` more bytes fit. For a reader, which does not wait, also
// drops blocks that are to be decoded ahead and were not begun. Blocks that are being decoded stay.
bool BlockCache::make_room(std::uint64_t size, bool for_a_reader) {
  while (bytes_ + size > capacity_) {
    if (!ready_.empty()) {
      let_go(ready_.back());
    } else if (for_a_reader && !waiting_.empty()) {
      let_go(waiting_.back());
    } else {
      return false;
    }
  }
  return true;
}

Result<SharedBlock> BlockCache::get(const Block& block) {
  std::unique_lock lock(mutex_);
  ++counters_.blocks_asked;
  const auto known = entries_.find(block.key());
  if (known == entries_.end()) {
    make_room(block.size(), true);
    const auto entry = std::make_shared<Entry>();
    entry->block = block;
    entries_.emplace(block.key(), entry);
    bytes_ += block.size();
    run(entry, lock);
    return result_of(*entry);
  }
  const SharedEntry entry = known->second;
  switch (entry->state) {
    case State::kReady:
      ++counters_.blocks_found;
      ready_.splice(ready_.begin(), ready_, entry->place);
      break;
    case State::kWaiting:  // not begun by the pool yet
      run(entry, lock);
      break;
    default:
      ++counters_.blocks_waited;
      changed_.wait(lock, [&] { return entry->state != State::kDecoding; });
  }
  return result_of(*entry);
}

bool BlockCache::decode_ahead(const Block& block) {
  const auto entry = std::make_shared<Entry>();
  {
    const std::lock_guard lock(mutex_);
    if (entries_.contains(block.key())) return true;
    if (block.size() > capacity_ / 2 || !make_room(block.size(), false)) return false;
    entry->block = block;
    entry->state = State::kWaiting;
    entry->place = waiting_.insert(waiting_.begin(), block.key());
    entries_.emplace(block.key(), entry);
    bytes_ += block.size();
  }
  pool_.submit([this, entry] {
    std::unique_lock lock(mutex_);
    if (entry->state != State::kWaiting || ending_) return;
    ++counters_.blocks_ahead;
    run(entry, lock);
  });
  return true;
}

bool BlockCache::knows(const Block& block) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(block.key());
}

// Decodes an entry with the lock released, and wakes the readers that wait for it.
void BlockCache::run(const SharedEntry& entry, std::unique_lock<std::mutex>& lock) {
  if (entry->state == State::kWaiting) waiting_.erase(entry->place);
  entry->state = State::kDecoding;
  counters_.most_bytes_kept = std::max(counters_.most_bytes_kept, bytes_);
  lock.unlock();
  Status status;
  std::shared_ptr<DecodedBlock> decoded;
  try {
    // Decode only one block at a time that is larger than the whole cache.
    std::unique_lock turn(large_, std::defer_lock);
    if (entry->block.size() > capacity_) turn.lock();
    decoded = std::make_shared<DecodedBlock>(memory_, entry->block.size());
    status = decode_(entry->block, decoded->writable());
  } catch (const std::bad_alloc&) {
    status = error_with_message(Code::kIo, "out of memory");
  }
  lock.lock();
  if (status.ok()) {
    ++counters_.blocks_decoded;
    counters_.bytes_decoded += decoded->size();
    entry->decoded = std::move(decoded);
    entry->state = State::kReady;
    entry->place = ready_.insert(ready_.begin(), entry->block.key());
  } else {
    entry->error = std::move(status).error();
    entry->state = State::kFailed;
    entries_.erase(entry->block.key());
    bytes_ -= entry->block.size();
  }
  changed_.notify_all();
}

Result<SharedBlock> BlockCache::result_of(const Entry& entry) {
  if (entry.error) return *entry.error;
  return entry.decoded;
}

Counters BlockCache::counters() const {
  const std::lock_guard lock(mutex_);
  Counters counters = counters_;
  counters.bytes_kept = bytes_;
  counters.buffers_made = memory_->made();
  return counters;
}

}  // namespace bbz::view
