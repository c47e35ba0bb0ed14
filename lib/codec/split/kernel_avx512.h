#pragma once

#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

#if defined(__x86_64__)
extern const Kernel kAvx512Kernel;
#endif

}  // namespace bbz::codec::split
