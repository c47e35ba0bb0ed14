// The fixed part of a record. See section 2 of format-spec/bits-back.md.
#pragma once

#include <cstddef>

namespace bbz::bitsback {

inline constexpr std::size_t kHeaderSize = 24;
// Where the bits of a degree of freedom are.
inline constexpr std::size_t kBitsOffset = 2;

}  // namespace bbz::bitsback
