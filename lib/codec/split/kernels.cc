#include "bbz/codec/split/avx512.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {
namespace {

#if defined(__x86_64__)
const Kernel kAvx512Kernel = {"avx512",
                              [](const Layout& layout, const Grid& grid) {
                                return layout.top_bits == 1 && layout.element_bytes <= 4 &&
                                       grid.lanes >= kStreamLanes;
                              },
                              avx512_decode, avx512_encode};
#endif

std::vector<const Kernel*> find_kernels() {
  std::vector<const Kernel*> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") &&
      __builtin_cpu_supports("popcnt")) {
    found.push_back(&kAvx512Kernel);
  }
#endif
  found.push_back(&kPortableKernel);
  return found;
}

}  // namespace

const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> found = find_kernels();
  return found;
}

}  // namespace bbz::codec::split
