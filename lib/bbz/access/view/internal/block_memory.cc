#include "bbz/access/view/internal/block_memory.h"

#include <algorithm>
#include <new>

namespace bbz::view {

Buffer BlockMemory::take(std::size_t size) {
  {
    const std::lock_guard lock(mutex_);
    const auto fits = [size](const Buffer& buffer) {
      return buffer.capacity >= size && buffer.capacity - size <= size / 8;
    };
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(), fits);
    if (found != idle_.rend()) {
      Buffer buffer = std::move(*found);
      idle_.erase(std::next(found).base());
      idle_bytes_ -= buffer.capacity;
      return buffer;
    }
    ++made_;
  }
  return {std::make_unique_for_overwrite<std::byte[]>(size), size};
}

void BlockMemory::give_back(Buffer buffer) noexcept {
  if (buffer.capacity > most_idle_) return;
  const std::lock_guard lock(mutex_);
  try {
    idle_.reserve(idle_.size() + 1);
  } catch (const std::bad_alloc&) {
    return;
  }
  while (idle_bytes_ > most_idle_ - buffer.capacity) {
    idle_bytes_ -= idle_.front().capacity;
    idle_.erase(idle_.begin());
  }
  idle_bytes_ += buffer.capacity;
  idle_.push_back(std::move(buffer));
}

std::uint64_t BlockMemory::made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

}  // namespace bbz::view
