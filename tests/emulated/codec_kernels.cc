#include "emulated/codec_kernels.h"

#if defined(__x86_64__)

namespace bbz::codec::emulated {
namespace {

// Returns kernels and one more.
template <class Kernel>
std::vector<const Kernel*> with(std::vector<const Kernel*> kernels, const Kernel& kernel) {
  kernels.push_back(&kernel);
  return kernels;
}

}  // namespace
}  // namespace bbz::codec::emulated

#endif

namespace bbz::codec::split {

#if defined(__x86_64__)

void emulated_avx512_make_table(const Frequencies& frequencies, DecodeTable& table);
void emulated_avx512_decode(DecodeJob& job);
void emulated_avx512_encode(EncodeJob& job);

namespace {

bool takes(const Layout& layout, const Grid& grid) {
  return layout.top_bits == 1 && layout.element_bytes <= 4 && grid.lanes >= kStreamLanes;
}

const Kernel kEmulatedKernel = {"avx512, emulated", takes, emulated_avx512_make_table,
                                emulated_avx512_decode, emulated_avx512_encode};

}  // namespace

#endif

const std::vector<const Kernel*>& tested_kernels() {
#if defined(__x86_64__)
  static const std::vector<const Kernel*> tested = emulated::with(kernels(), kEmulatedKernel);
  return tested;
#else
  return kernels();
#endif
}

}  // namespace bbz::codec::split

namespace bbz::codec::difference {

#if defined(__x86_64__)

void emulated_avx512_count(const Classes& classes, const std::uint8_t* base, std::uint64_t elements,
                           Counts& counts);
void emulated_avx512_merge(MergeJob& job);
void emulated_avx512_split(SplitJob& job);

namespace {

const Kernel kEmulatedKernel = {"avx512, emulated", emulated_avx512_count, emulated_avx512_merge,
                                emulated_avx512_split};

}  // namespace

#endif

const std::vector<const Kernel*>& tested_kernels() {
#if defined(__x86_64__)
  static const std::vector<const Kernel*> tested = emulated::with(kernels(), kEmulatedKernel);
  return tested;
#else
  return kernels();
#endif
}

}  // namespace bbz::codec::difference

namespace bbz::codec::number {

#if defined(__x86_64__)

void emulated_avx512_merge(MergeJob& job);

namespace {

const Kernel kEmulatedKernel = {"avx512, emulated", emulated_avx512_merge};

}  // namespace

#endif

const std::vector<const Kernel*>& tested_kernels() {
#if defined(__x86_64__)
  static const std::vector<const Kernel*> tested = emulated::with(kernels(), kEmulatedKernel);
  return tested;
#else
  return kernels();
#endif
}

}  // namespace bbz::codec::number
