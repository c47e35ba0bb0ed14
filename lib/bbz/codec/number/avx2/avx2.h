// The kernel for AVX2, which needs what that of codec/split needs. It has loops for floats of 16 and
// 32 bits whose keys have the same number of lower bits.
#pragma once

#include "bbz/codec/number/merge.h"

#if defined(__x86_64__)

namespace bbz::codec::number {

// Implements Kernel::merge of kernel.h.
void avx2_merge(MergeJob& job);

}  // namespace bbz::codec::number

#endif  // defined(__x86_64__)
