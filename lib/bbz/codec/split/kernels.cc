#include "bbz/base/cpu.h"
#include "bbz/codec/split/avx2/avx2.h"
#include "bbz/codec/split/avx512/avx512.h"
#include "bbz/codec/split/kernel.h"
#include "bbz/codec/split/neon/neon.h"

namespace bbz::codec::split {
namespace {

#if defined(__x86_64__)

// Returns whether the kernels of x86-64 support the chunk.
bool takes(const Layout& layout, const Grid& grid) {
  return layout.top_bits == 1 && layout.element_bytes <= 4 && grid.lanes >= kStreamLanes;
}

const Kernel kAvx512Kernel = {"avx512", takes, avx512_make_table, avx512_decode, avx512_encode};
const Kernel kAvx2Kernel = {"avx2", takes, make_decode_table, avx2_decode, avx2_encode};

#endif

#if defined(__aarch64__)

const Kernel kNeonKernel = {
    "neon", [](const Layout&, const Grid& grid) { return grid.lanes >= kStreamLanes; },
    make_decode_table, neon_decode, neon_encode};

#endif

std::vector<const Kernel*> find_kernels() {
  std::vector<const Kernel*> found;
#if defined(__x86_64__)
  if (has_avx512()) found.push_back(&kAvx512Kernel);
  if (has_avx2()) found.push_back(&kAvx2Kernel);
#endif
#if defined(__aarch64__)
  found.push_back(&kNeonKernel);  // every 64-bit Arm machine has it
#endif
  found.push_back(&kPortableKernel);
  return found;
}

}  // namespace

bool has_avx2() {
  const cpu::Features& has = cpu::features();
  return has.avx2 && has.bmi2 && has.popcnt;
}

bool has_avx512() {
  const cpu::Features& has = cpu::features();
  return has_avx2() && has.avx512f && has.avx512bw && has.avx512vl && has.avx512vbmi &&
         has.avx512vbmi2;
}

const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> found = find_kernels();
  return found;
}

}  // namespace bbz::codec::split
