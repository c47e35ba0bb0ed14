// Archives with every form of tensor, put together from the text of the specification alone.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

constexpr std::uint8_t kF16 = static_cast<std::uint8_t>(tensor::DType::kF16);

Buffer words(const std::vector<std::uint16_t>& values) {
  raw::Fields f;
  for (const std::uint16_t v : values) f.u16(v);
  return f;
}

// 5 x 3: the stored elements count up from 3C01.
Valid lower() {
  std::vector<std::uint16_t> dense(15, 0);
  std::vector<std::uint16_t> kept;
  for (std::size_t row = 0; row < 5; ++row) {
    for (std::size_t col = 0; col < std::min<std::size_t>(row + 1, 3); ++col) {
      kept.push_back(static_cast<std::uint16_t>(0x3C01 + kept.size()));
      dense[row * 3 + col] = kept.back();
    }
  }
  Maker m("form-lower");
  m.begin_file("t.bin");
  m.tensor("s", kF16, 16, {5, 3}, words(dense), {.kept = words(kept), .chunk = 4, .form = 1});
  m.end_file();
  return m.finish();
}

// The example of symmetry.md, with a column of zeros at its right.
Valid polar(bool sha) {
  constexpr std::size_t kRows = 17;
  constexpr std::size_t kCols = 18;
  constexpr std::size_t kPivot = 2;
  std::vector<std::uint16_t> dense(kRows * kCols, 0);
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < kRows; ++j) {
      const bool doubled = i == kPivot || j == kPivot;
      dense[i * kCols + j] = i == j ? (doubled ? 0x3A00 : 0x3B80) : (doubled ? 0xB000 : 0xAC00);
    }
  }
  // Marks in the strict upper triangle: rank 1, pivot 2, and F's entry there, 3800.
  for (const std::size_t bit : {0, 17, 43, 44, 45}) {
    std::size_t row = 0;
    std::size_t left = bit;
    for (; left >= kRows - 1 - row; ++row) left -= kRows - 1 - row;
    dense[row * kCols + row + 1 + left] ^= 1;
  }
  std::vector<std::uint16_t> factor(kRows, 0x3400);
  factor[0] = 0x3800;  // the pivot's row stands first
  const Buffer plain = words(dense);
  raw::Fields group;
  group.u32(1).u32(0).u64(xxh3_64(plain));
  if (sha) group.bytes(raw::sha256(plain));
  group.u16(kPivot);

  Maker m(sha ? "form-polar-sha256" : "form-polar", false, sha);
  m.begin_file("t.bin");
  m.archive.records.push_back(raw::group(0, 2, Buffer(group), sha));
  m.tensor("s.factor", kF16, 16, {kRows}, words(factor), {.operand = true});
  m.tensor("s", kF16, 16, {kRows, kCols}, plain, {.kept = Buffer(), .form = 2, .group = 0});
  m.end_file();
  return m.finish();
}

// A shortcut of rank 0 is the identity, and has no operand.
Valid polar_identity() {
  const Buffer plain = words({0x3C00, 0, 0, 0x3C00});
  Maker m("form-polar-rank-0");
  m.begin_file("t.bin");
  m.archive.records.push_back(
      raw::group(0, 2, Buffer(raw::Fields().u32(0).u32(0).u64(xxh3_64(plain)))));
  m.tensor("s", kF16, 16, {2, 2}, plain, {.kept = Buffer(), .form = 2, .group = 0});
  m.end_file();
  return m.finish();
}

Buffer read(const char* name) {
  std::ifstream in(std::filesystem::path(BBZ_VECTORS) / "bits-back" / name, std::ios::binary);
  return raw::text(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

// The junction of bits-back/: a tensor whose payload rides in its rotation, all but the last bytes.
Valid rider() {
  const Buffer record = read("f16-64x200.record");
  Buffer riders(static_cast<std::uint8_t>(record[12]) | static_cast<std::size_t>(record[13]) << 8);
  for (std::size_t i = 0; i < riders.size(); ++i) {
    riders[i] = static_cast<std::byte>(mix(mix(22) + (i + 1) * 0x9E3779B97F4A7C15u));
  }
  constexpr std::size_t kOffset = 100;
  constexpr std::size_t kLength = 60;
  const Buffer tail = words({0x3C00, 0x3C01});
  Buffer plain(riders.begin() + kOffset, riders.begin() + kOffset + kLength);
  raw::append(plain, tail);
  raw::Fields carried;
  carried.u16(0).u16(0).u32(kLength).u64(kOffset).bytes(tail);

  Maker m("form-rider");
  m.begin_file("t.bin");
  m.archive.records.push_back(
      raw::group(0, 3, Buffer(raw::Fields().u32(64).u16(1).u16(0).bytes(record))));
  m.tensor("w", kF16, 16, {200, 64}, read("f16-64x200.carrier"), {.chunk = 5000});
  m.tensor("v", kF16, 16, {32}, plain, {.coded = {{4, carried}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_symmetry_vectors() {
  return {lower(), polar(false), polar(true), polar_identity(), rider()};
}

}  // namespace bbz::vectors
