// LargeBuffer: memory of many megabytes that is written once and released soon.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "bbz/base/checked.h"

namespace bbz {

// Owns uninitialised bytes, aligned to kAlignment. They are in huge pages if the system grants
// those on request: the first touch of 20 MiB in small pages takes as long as computing the
// content.
class LargeBuffer {
 public:
  // The alignment of the bytes.
  static constexpr std::size_t kAlignment = 64;

  // Owns nothing.
  LargeBuffer() = default;
  // Throws std::bad_alloc if memory runs out.
  explicit LargeBuffer(std::size_t size);
  // Takes the memory of another one, which owns nothing afterwards.
  LargeBuffer(LargeBuffer&& other) noexcept
      : block_(std::move(other.block_)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  // Releases the memory and takes that of another one, which owns nothing afterwards.
  LargeBuffer& operator=(LargeBuffer&& other) noexcept {
    block_ = std::move(other.block_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  // Replaces the memory by one of another size. The content is lost. Does nothing if the size is
  // the same.
  void resize(std::size_t size) {
    if (size != size_) *this = LargeBuffer(size);
  }

  // Returns the first byte; null if there is none.
  std::byte* data() const { return data_; }
  // Returns the number of bytes.
  std::size_t size() const { return size_; }
  // Implicit, so that a buffer is given wherever bytes are expected, as a vector is.
  // NOLINTBEGIN(google-explicit-constructor)
  // Returns the bytes to read.
  operator Bytes() const { return {data(), size_}; }
  // Returns the bytes to write.
  operator MutableBytes() { return {data(), size_}; }
  // NOLINTEND(google-explicit-constructor)

 private:
  std::unique_ptr<std::byte[]> block_;  // with room to align within it
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bbz
