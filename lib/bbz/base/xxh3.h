// XXH3 for each width of vectors, chosen at run time. Debian's xxHash is compiled for the plain
// machine, where XXH3 takes longer over a chunk than the codec does; so its header is compiled once
// more for AVX2 and for AVX-512 (xxh3_avx2.cc, xxh3_avx512.cc). All give the same hashes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bbz::xxh3 {

// Bytes that XXH3 takes in before it scrambles its accumulators.
inline constexpr std::size_t kBlock = 1024;
// Where the secret's bytes for that begin; those of a block's stripes of 64 bytes begin at 0, 8,
// ...
inline constexpr std::size_t kScrambleAt = 128;

// What XXH3 carries from one block of a range to the next.
using Accumulators = std::array<std::uint64_t, 8>;
Accumulators first_accumulators();
// The 192 bytes that XXH3 mixes with its input where it is given no seed.
const std::uint8_t* secret();
// The hash of a range of which some whole blocks, at least one byte less than all, are taken in.
std::uint64_t finish(const Accumulators& accumulators, const void* range, std::size_t size,
                     std::size_t blocks);

// `state` is an XXH3_state_t, begun with XXH3_64bits_reset or XXH3_128bits_reset.
struct Kernel {
  std::string_view name;
  std::uint64_t (*hash64)(const void* p, std::size_t size);
  void (*update)(void* state, const void* p, std::size_t size);
  // Takes in `count` blocks, twice as fast as update. A range's last byte, though it may end a
  // block, is left to finish().
  void (*blocks)(Accumulators& accumulators, const void* p, std::size_t count);
};

// The kernels that this machine can run, the fastest first.
const std::vector<const Kernel*>& kernels();

#if defined(__x86_64__)
extern const Kernel kAvx512Kernel;
extern const Kernel kAvx2Kernel;
#endif

}  // namespace bbz::xxh3
