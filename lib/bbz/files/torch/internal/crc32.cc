#include "bbz/files/torch/internal/crc32.h"

#include <array>

#include "bbz/base/wire.h"

namespace bbz::torch {
namespace {

constexpr std::uint32_t kPolynomial = 0xedb88320;  // with its bits reversed
constexpr std::size_t kSlices = 8;

using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// Table 0 is the remainder after each byte, and table k that after the byte and k zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ ((rest & 1) != 0 ? kPolynomial : 0);
    tables[0][i] = rest;
  }
  for (std::size_t k = 1; k < kSlices; ++k) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[k - 1][i];
      tables[k][i] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

// Takes eight bytes at a time, as in Kounavis and Berry, "A Systematic Approach to Building High
// Performance Software-Based CRC Generators" (2005).
std::uint32_t crc32(Bytes bytes) {
  std::uint32_t rest = ~std::uint32_t{0};
  while (bytes.size() >= kSlices) {
    const std::uint64_t word = load_le<std::uint64_t>(bytes.data()) ^ rest;
    rest = 0;
    for (std::size_t i = 0; i < kSlices; ++i) {
      rest ^= kTables[kSlices - 1 - i][word >> (8 * i) & 0xff];
    }
    bytes = bytes.subspan(kSlices);
  }
  for (const std::byte byte : bytes) {
    rest = rest >> 8 ^ kTables[0][(rest ^ static_cast<std::uint32_t>(byte)) & 0xff];
  }
  return ~rest;
}

}  // namespace bbz::torch
