#include "bbz/symmetry/gauge/internal/fixed_kernel.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace bbz::gauge {
namespace {

#if defined(__x86_64__)

const FixedKernel kAvx512VnniKernel = {"avx512-vnni", to_fixed_avx2, multiply_avx512_vnni,
                                       round_avx2, permute_avx512};
const FixedKernel kAvx2Kernel = {"avx2", to_fixed_avx2, multiply_avx2, round_avx2,
                                 permute_portable};

// Reports F16C, which not every __builtin_cpu_supports() knows.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

#elif defined(__aarch64__)

const FixedKernel kNeonKernel = {"neon", to_fixed_neon, multiply_neon, round_neon,
                                 permute_portable};

#endif

std::vector<const FixedKernel*> find_kernels() {
  std::vector<const FixedKernel*> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && has_f16c()) {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vnni")) {
      found.push_back(&kAvx512VnniKernel);
    }
    found.push_back(&kAvx2Kernel);
  }
#elif defined(__aarch64__)
  found.push_back(&kNeonKernel);
#endif
  return found;
}

}  // namespace

void permute_portable(const std::uint16_t* words, const std::uint16_t* from, std::size_t count,
                      std::byte* out) {
  std::uint16_t permuted[kWindowRows];
  for (std::size_t i = 0; i < count; ++i) permuted[i] = words[from[i]];
  std::memcpy(out, permuted, 2 * count);
}

const std::vector<const FixedKernel*>& fixed_kernels() {
  static const std::vector<const FixedKernel*> found = find_kernels();
  return found;
}

}  // namespace bbz::gauge
