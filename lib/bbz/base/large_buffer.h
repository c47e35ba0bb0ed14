// LargeBuffer: memory of many megabytes that is written once and soon given back.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "bbz/base/checked.h"

namespace bbz {

// Bytes that are not initialised, aligned to kAlignment; in huge pages where the system gives them
// to who asks: the first touch of 20 MiB in small pages takes as long as computing what is written.
class LargeBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  LargeBuffer() = default;
  explicit LargeBuffer(std::size_t size);
  LargeBuffer(LargeBuffer&& other) noexcept
      : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  LargeBuffer& operator=(LargeBuffer&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  // Another size, other bytes; the same memory where the size is the same.
  void resize(std::size_t size) {
    if (size != size_) *this = LargeBuffer(size);
  }

  std::byte* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  operator Bytes() const { return {data(), size_}; }
  operator MutableBytes() { return {data(), size_}; }

 private:
  struct Free {
    std::size_t alignment;
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte[], Free> bytes_{nullptr, Free{kAlignment}};
  std::size_t size_ = 0;
};

}  // namespace bbz
