// BlockMemory: reuses the memory of decoded blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace bbz::view {

// A buffer. Its bytes are not initialised.
struct Buffer {
  std::unique_ptr<std::byte[]> data;
  std::size_t capacity = 0;
};

// Lends buffers to blocks. The system takes about as long to hand out a fresh megabyte, page by
// page, as a chunk of that size takes to decode. A reader at random places drops one block when the
// next one comes. The next one gets the memory of the dropped one, which is also the likeliest to
// be in the processor's cache. Safe to use from many threads at once.
class BlockMemory {
 public:
  // Keeps at most `most_idle` bytes that nobody has borrowed.
  explicit BlockMemory(std::uint64_t most_idle) : most_idle_(most_idle) {}

  // Returns a buffer of at least `size` bytes and at most an eighth more: the fitting one that was
  // given back last, or a new one. Throws std::bad_alloc.
  Buffer take(std::size_t size);
  // Takes a buffer back. Frees those that have been idle longest until the rest fits.
  void give_back(Buffer buffer) noexcept;

  // Returns the number of buffers that were new.
  std::uint64_t made() const;

 private:
  const std::uint64_t most_idle_;
  mutable std::mutex mutex_;
  std::vector<Buffer> idle_;  // in the order in which they were given back
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace bbz::view
