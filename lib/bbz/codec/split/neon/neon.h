// The kernel for NEON on 64-bit Arm. It supports all layouts, on grids of at least 64 lanes.
#pragma once

#include "bbz/codec/split/kernel.h"

#if defined(__aarch64__)

namespace bbz::codec::split {

// Decodes a chunk, as Kernel::decode in kernel.h does. neon_encode() is the kernel's encode.
void neon_decode(DecodeJob& job);
void neon_encode(EncodeJob& job);

}  // namespace bbz::codec::split

#endif  // defined(__aarch64__)
