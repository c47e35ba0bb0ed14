#include "bbz/codec/fields/block_fields.h"

#include <algorithm>
#include <array>

namespace bbz::codec::fields {
namespace {

constexpr Field kScale = {2, Content::kFloat16};

constexpr Field bytes(std::uint16_t size) {
  return {size, Content::kBytes};
}

constexpr std::array kQ4_0 = {kScale, bytes(16)};  // and IQ4_NL
constexpr std::array kQ4_1 = {kScale, kScale, bytes(16)};
constexpr std::array kQ5_0 = {kScale, bytes(4), bytes(16)};
constexpr std::array kQ5_1 = {kScale, kScale, bytes(4), bytes(16)};
constexpr std::array kQ8_0 = {kScale, bytes(32)};
constexpr std::array kQ8_1 = {kScale, kScale, bytes(32)};
constexpr std::array kQ2_K = {bytes(16), bytes(64), kScale, kScale};
constexpr std::array kQ3_K = {bytes(32), bytes(64), bytes(12), kScale};
constexpr std::array kQ4_K = {kScale, kScale, bytes(12), bytes(128)};
constexpr std::array kQ5_K = {kScale, kScale, bytes(12), bytes(32), bytes(128)};
constexpr std::array kQ6_K = {bytes(128), bytes(64), bytes(16), kScale};
constexpr std::array kIq4Xs = {kScale, bytes(2), bytes(4), bytes(128)};
constexpr std::array kMxFp4 = {bytes(1), bytes(16)};

struct Row {
  std::uint64_t block_bytes;
  std::span<const Field> fields;
};

constexpr std::array<Row, 13> kRows = {{
    {17, kMxFp4},
    {18, kQ4_0},
    {20, kQ4_1},
    {22, kQ5_0},
    {24, kQ5_1},
    {34, kQ8_0},
    {36, kQ8_1},
    {84, kQ2_K},
    {110, kQ3_K},
    {136, kIq4Xs},
    {144, kQ4_K},
    {176, kQ5_K},
    {210, kQ6_K},
}};

}  // namespace

std::span<const Field> block_fields(std::uint64_t block_bytes) {
  const auto* const row = std::ranges::find(kRows, block_bytes, &Row::block_bytes);
  return row == kRows.end() ? std::span<const Field>() : row->fields;
}

}  // namespace bbz::codec::fields
