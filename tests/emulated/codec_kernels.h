// The kernels that tests go through.
#pragma once

#include <vector>

#include "bbz/codec/difference/kernel.h"
#include "bbz/codec/number/kernel.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// Those of kernels() and, on x86-64, that of AVX-512 emulated, whatever the machine has.
const std::vector<const Kernel*>& tested_kernels();

}  // namespace bbz::codec::split

namespace bbz::codec::difference {

// The same for the loops of the difference codec.
const std::vector<const Kernel*>& tested_kernels();

}  // namespace bbz::codec::difference

namespace bbz::codec::number {

// Those of kernels() and that of AVX-512 emulated, as above.
const std::vector<const Kernel*>& tested_kernels();

}  // namespace bbz::codec::number
