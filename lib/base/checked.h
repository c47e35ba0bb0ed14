// Arithmetic on sizes that came from outside: each operation says whether it overflowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace bbz {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// ceil(a / b) without overflow. Precondition: b > 0.
constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

}  // namespace bbz
