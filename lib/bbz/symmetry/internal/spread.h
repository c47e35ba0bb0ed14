// Spreads elements out between zeros, which is what a row with pivots is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bbz::symmetry {

// Fills `out` with `count` elements: zero where the bit of `zeros` is set, from the lowest, and the next
// element of `from` elsewhere. Returns how many it took. Preconditions: count <= 64, and `from` has
// `count` elements, more than are taken.
using Spread = std::uint64_t (*)(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                                 std::byte* out);

// Returns the fastest function for elements of 2, 4 or 8 bytes on this machine.
Spread best_spread(std::size_t element_bytes);

// The functions, by instruction set.
std::uint64_t spread2(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                      std::byte* out);
std::uint64_t spread4(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                      std::byte* out);
std::uint64_t spread8(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                      std::byte* out);
#if defined(__x86_64__)
std::uint64_t spread2_avx2(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                           std::byte* out);
std::uint64_t spread4_avx2(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                           std::byte* out);
#endif

}  // namespace bbz::symmetry
