// The kernel for AVX2, which needs what that of codec/split needs. It has loops for elements of every
// kind of up to 32 bits, but not for rows that have both columns and floors of their own. Where PDEP is
// slow, it is the loops for every machine, compiled for AVX2.
#pragma once

#include "bbz/codec/number/merge.h"

#if defined(__x86_64__)

namespace bbz::codec::number {

// Implements Kernel::merge of kernel.h.
void avx2_merge(MergeJob& job);

}  // namespace bbz::codec::number

#endif  // defined(__x86_64__)
