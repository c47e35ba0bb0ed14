// The kernel for AVX-512, which needs what that of codec/split needs. It has loops for floats,
// integers and differences of up to 32 bits. Scaled numbers, and columns of keys that are not even,
// are left to the kernel for AVX2.
#pragma once

#include "bbz/codec/number/merge.h"

#if defined(__x86_64__)

namespace bbz::codec::number {

// Implements Kernel::merge of kernel.h.
void avx512_merge(MergeJob& job);

}  // namespace bbz::codec::number

#endif  // defined(__x86_64__)
