// XXH3 compiled for AVX-512.
#if defined(__x86_64__)

#include "bbz/base/internal/xxh3_kernel.h"

namespace bbz::xxh3 {

const Kernel kAvx512Kernel = {"avx512", hash64, update, blocks};

}  // namespace bbz::xxh3

#endif  // defined(__x86_64__)
