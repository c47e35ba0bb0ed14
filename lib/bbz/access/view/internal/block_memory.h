// BlockMemory: the memory of decoded blocks, used again. Internal to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace bbz::view {

// Bytes that are not initialised.
struct Buffer {
  std::unique_ptr<std::byte[]> data;
  std::size_t capacity = 0;
};

// Lends buffers to blocks that come and go. The system takes about as long to hand out a fresh
// megabyte, page by page, as a chunk of that size takes to decode: a reader at random places, for
// whom one block goes when the next one comes, is to have the memory of the one that went, which is
// also the likeliest to be in the processor's cache. Safe to use from many threads at once.
class BlockMemory {
 public:
  // Keeps at most `most_idle` bytes that nobody has borrowed.
  explicit BlockMemory(std::uint64_t most_idle) : most_idle_(most_idle) {}

  // Returns a buffer of at least `size` bytes and at most an eighth more: of those that fit, the
  // one that was given back last, or a new one. Throws std::bad_alloc.
  Buffer take(std::size_t size);
  // Takes a buffer back, and frees those that have been idle longest until the others fit.
  void give_back(Buffer buffer) noexcept;

  // How many buffers were new.
  std::uint64_t made() const;

 private:
  const std::uint64_t most_idle_;
  mutable std::mutex mutex_;
  std::vector<Buffer> idle_;  // given back last, last
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace bbz::view
