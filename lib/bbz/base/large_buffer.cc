#include "bbz/base/large_buffer.h"

#include <sys/mman.h>

#include <cstdint>

namespace bbz {

// Aligns within a block of malloc() itself. Versions of the GNU C library up to 2.37 often cannot
// fill the hole that an aligned block leaves with another one of the same size, so that a loop which
// allocates and releases one block takes as much memory as all of its blocks together.
LargeBuffer::LargeBuffer(std::size_t size) : size_(size) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const std::size_t alignment = size >= kHugePage ? kHugePage : kAlignment;
  block_ = std::make_unique_for_overwrite<std::byte[]>(size + alignment - 1);
  const auto over = reinterpret_cast<std::uintptr_t>(block_.get()) % alignment;
  data_ = block_.get() + (over == 0 ? 0 : alignment - over);
#if defined(MADV_HUGEPAGE)
  const std::size_t whole = size - size % kHugePage;  // only whole pages
  if (whole != 0 && madvise(data_, whole, MADV_HUGEPAGE) == 0) {
    // Touches the pages from one thread: if several threads touched a page first, each would make
    // one, and only one would be kept.
    for (std::size_t at = 0; at < whole; at += kHugePage) data_[at] = std::byte{0};
  }
#endif
}

}  // namespace bbz
