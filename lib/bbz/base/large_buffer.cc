#include "bbz/base/large_buffer.h"

#include <sys/mman.h>

#include <new>

namespace bbz {

LargeBuffer::LargeBuffer(std::size_t size) : size_(size) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const std::size_t alignment = size >= kHugePage ? kHugePage : kAlignment;
  auto* const memory = static_cast<std::byte*>(::operator new(size, std::align_val_t(alignment)));
#if defined(MADV_HUGEPAGE)
  const std::size_t whole = size - size % kHugePage;  // only whole pages
  if (whole != 0 && madvise(memory, whole, MADV_HUGEPAGE) == 0) {
    // Touches the pages from one thread: if several threads touched a page first, each would make
    // one, and only one would be kept.
    for (std::size_t at = 0; at < whole; at += kHugePage) memory[at] = std::byte{0};
  }
#endif
  bytes_ = std::unique_ptr<std::byte[], Free>(memory, Free{alignment});
}

void LargeBuffer::Free::operator()(std::byte* bytes) const {
  ::operator delete(bytes, std::align_val_t(alignment));
}

}  // namespace bbz
