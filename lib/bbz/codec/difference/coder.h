// What the encoder and the decoder of floats share.
#pragma once

#include "bbz/codec/split/symbols.h"

namespace bbz::codec::difference {

using split::bytes_at;

// Returns the wanted kernel, or the fastest one if `wanted` is null. Returns the portable one if
// that kernel does not take so many lanes.
inline const split::Kernel& choose_kernel(const split::Kernel* wanted, int lanes) {
  const split::Grid grid{1, 1, 0, lanes};
  if (wanted == nullptr) wanted = split::kernels().front();
  return wanted->takes(split::kByteLayout, grid) ? *wanted : split::kPortableKernel;
}

}  // namespace bbz::codec::difference
