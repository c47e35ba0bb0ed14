#include "bbz/symmetry/gauge/internal/fixed_kernel.h"

#include <cstring>

#include "bbz/base/cpu.h"

namespace bbz::gauge {
namespace {

#if defined(__x86_64__)

const FixedKernel kAvx512VnniKernel = {"avx512-vnni", to_fixed_avx2, multiply_avx512_vnni,
                                       round_avx2, permute_avx512};
const FixedKernel kAvx2Kernel = {"avx2", to_fixed_avx2, multiply_avx2, round_avx2,
                                 permute_portable};

#elif defined(__aarch64__)

const FixedKernel kNeonKernel = {"neon", to_fixed_neon, multiply_neon, round_neon,
                                 permute_portable};

#endif

std::vector<const FixedKernel*> find_kernels() {
  std::vector<const FixedKernel*> found;
#if defined(__x86_64__)
  const cpu::Features& has = cpu::features();
  const bool avx2 = has.avx2 && has.f16c;
  if (avx2 && has.avx512f && has.avx512bw && has.avx512vnni) found.push_back(&kAvx512VnniKernel);
  if (avx2) found.push_back(&kAvx2Kernel);
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
