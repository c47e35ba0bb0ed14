#include "bbz/codec/number/avx2/avx2.h"
#include "bbz/codec/number/avx512/avx512.h"
#include "bbz/codec/number/kernel.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::number {
namespace {

#if defined(__x86_64__)

const Kernel kAvx512Kernel = {"avx512", avx512_merge};
const Kernel kAvx2Kernel = {"avx2", avx2_merge};

#endif

std::vector<const Kernel*> find_kernels() {
  std::vector<const Kernel*> found;
#if defined(__x86_64__)
  if (split::has_avx512()) found.push_back(&kAvx512Kernel);
  if (split::has_avx2()) found.push_back(&kAvx2Kernel);
#endif
  found.push_back(&kPortableKernel);
  return found;
}

}  // namespace

const Kernel kPortableKernel = {"portable", portable_merge};

const std::vector<const Kernel*>& kernels() {
  static const std::vector<const Kernel*> found = find_kernels();
  return found;
}

}  // namespace bbz::codec::number
