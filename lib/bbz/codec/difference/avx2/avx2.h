// The kernel for AVX2, which needs what that of codec/split needs. It supports every dtype.
#pragma once

#include "bbz/codec/difference/kernel.h"

#if defined(__x86_64__)

namespace bbz::codec::difference {

// Implements Kernel::count of kernel.h. The next two implement its merge and split.
void avx2_count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                Counts& counts);
void avx2_merge(MergeJob& job);
void avx2_split(SplitJob& job);

}  // namespace bbz::codec::difference

#endif  // defined(__x86_64__)
