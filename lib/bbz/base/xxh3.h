// XXH3 for several instruction sets, chosen at run time. Debian compiles xxHash for the baseline
// machine, and this build hashes a chunk more slowly than the codec decodes it. So bbz compiles the
// header again for AVX2 (xxh3_avx2.cc) and AVX-512 (xxh3_avx512.cc). All kernels give the same
// hashes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bbz::xxh3 {

// The number of bytes that XXH3 accumulates before it scrambles its accumulators.
inline constexpr std::size_t kBlock = 1024;
// The offset of the secret's bytes for scrambling. For the 64-byte stripes of a block, the offsets
// are 0, 8, 16 and so on.
inline constexpr std::size_t kScrambleAt = 128;

// The state of XXH3 between two blocks of a range.
using Accumulators = std::array<std::uint64_t, 8>;
// Returns the state before the first block.
Accumulators first_accumulators();
// Returns the 192 bytes that XXH3 mixes with its input if the seed is 0.
const std::uint8_t* secret();
// Returns the 64-bit hash of the `size` bytes at `range`, of which `accumulators` contain the first
// `blocks` blocks. Precondition: blocks * kBlock < size, or blocks is 0.
std::uint64_t finish(const Accumulators& accumulators, const void* range, std::size_t size,
                     std::size_t blocks);

// The functions of XXH3 that are compiled for one instruction set.
struct Kernel {
  std::string_view name;
  // Returns the 64-bit hash with seed 0 of the `size` bytes at `p`.
  std::uint64_t (*hash64)(const void* p, std::size_t size);
  // Adds the `size` bytes at `p` to `state`, an XXH3_state_t that XXH3_64bits_reset or
  // XXH3_128bits_reset initialised.
  void (*update)(void* state, const void* p, std::size_t size);
  // Accumulates the `count` blocks at `p`. The block with the last byte of a range must be left to
  // finish(), even if it is a whole one.
  void (*blocks)(Accumulators& accumulators, const void* p, std::size_t count);
};

// Returns the kernels that this machine can run, the fastest first.
const std::vector<const Kernel*>& kernels();

#if defined(__x86_64__)
// The kernels for AVX-512 and AVX2. Only kernels() knows whether this machine can run them.
extern const Kernel kAvx512Kernel;
extern const Kernel kAvx2Kernel;
#endif

}  // namespace bbz::xxh3
