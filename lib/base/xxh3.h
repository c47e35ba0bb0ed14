// XXH3 for each width of vectors, chosen at run time. Debian's xxHash is compiled for the plain
// machine, where XXH3 takes longer over a chunk than the codec does; so its header is compiled once
// more for AVX2 and for AVX-512 (xxh3_avx2.cc, xxh3_avx512.cc). All give the same hashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bbz::xxh3 {

// Bytes that XXH3 takes in before it scrambles its accumulators.
inline constexpr std::size_t kBlock = 1024;

// `state` is an XXH3_state_t, begun with XXH3_64bits_reset or XXH3_128bits_reset.
struct Kernel {
  std::string_view name;
  std::uint64_t (*hash64)(const void* p, std::size_t size);
  void (*update)(void* state, const void* p, std::size_t size);
  // As update with `count` blocks, and twice as fast. Preconditions: nothing but whole blocks went
  // into `state` before, by this function; at least one byte follows, by this function or update.
  void (*blocks)(void* state, const void* p, std::size_t count);
};

// The kernels that this machine can run, the fastest first.
const std::vector<const Kernel*>& kernels();

#if defined(__x86_64__)
extern const Kernel kAvx512Kernel;
extern const Kernel kAvx2Kernel;
#endif

}  // namespace bbz::xxh3
