// The kernel for NEON, of 64-bit Arm: all layouts, on grids of 64 lanes and more.
#pragma once

#include "bbz/codec/split/kernel.h"

#if defined(__aarch64__)

namespace bbz::codec::split {

void neon_decode(DecodeJob& job);
void neon_encode(EncodeJob& job);

}  // namespace bbz::codec::split

#endif  // defined(__aarch64__)
