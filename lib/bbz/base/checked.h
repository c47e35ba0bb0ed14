// Spans of bytes, and arithmetic on untrusted sizes that detects overflow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace bbz {

// Refers to bytes that somebody else owns and that are only read.
using Bytes = std::span<const std::byte>;
// Refers to bytes that somebody else owns and that may be written.
using MutableBytes = std::span<std::byte>;

// Returns the bytes as text. The text refers to the same memory.
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Returns a + b, or nullopt if the sum exceeds 64 bits.
inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

// Returns a * b, or nullopt if the product exceeds 64 bits.
inline std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Returns ceil(a / b), without overflow. Precondition: b > 0.
constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

}  // namespace bbz
