// Archives with every form of tensor, put together from the text of the specification alone.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

Buffer halves(const std::vector<std::uint16_t>& values) {
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
  m.tensor("s", kF16, 16, {5, 3}, halves(dense), {.kept = halves(kept), .chunk = 4, .form = 1});
  m.end_file();
  return m.finish();
}

// The entries of the example of symmetry.md, in the bits of a type.
struct PolarType {
  DType dtype, factor;
  std::uint32_t diagonal, at_pivot;  // 15/16 and 3/4
  std::uint32_t off, off_pivot;      // -1/16 and -1/8
  std::uint32_t quarter, half;       // of the factor
};
constexpr PolarType kPolarF16 = {DType::kF16, DType::kF16, 0x3B80, 0x3A00,
                                 0xAC00,      0xB000,      0x3400, 0x3800};
constexpr PolarType kPolarBF16 = {DType::kBF16, DType::kF16, 0x3F70, 0x3F40,
                                  0xBD80,       0xBE00,      0x3400, 0x3800};
constexpr PolarType kPolarF32 = {DType::kF32, DType::kF32, 0x3F700000, 0x3F400000,
                                 0xBD800000,  0xBE000000,  0x3E800000, 0x3F000000};

Buffer of_type(DType dtype, const std::vector<std::uint32_t>& values) {
  raw::Fields f;
  for (const std::uint32_t v : values) dtype_info(dtype).bits == 16 ? f.u16(v) : f.u32(v);
  return f;
}

// That example, with a column of zeros at its right.
Valid polar(const char* name, const PolarType& type, bool sha = false) {
  constexpr std::size_t kRows = 17;
  constexpr std::size_t kCols = 18;
  constexpr std::size_t kPivot = 2;
  std::vector<std::uint32_t> dense(kRows * kCols, 0);
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < kRows; ++j) {
      const bool doubled = i == kPivot || j == kPivot;
      dense[i * kCols + j] = i == j ? (doubled ? type.at_pivot : type.diagonal)
                                    : (doubled ? type.off_pivot : type.off);
    }
  }
  // Marks in the strict upper triangle: rank 1, pivot 2, and F's entry there.
  const int bits = dtype_info(type.dtype).bits;
  const int factor_bits = dtype_info(type.factor).bits;
  const std::uint64_t marks = 1 | kPivot << 16 | static_cast<std::uint64_t>(type.half) << 32;
  std::size_t row = 0;
  std::size_t col = 1;
  for (int bit = 0; bit < 32 + factor_bits; ++bit) {
    dense[row * kCols + col] ^= static_cast<std::uint32_t>(marks >> bit & 1);
    if (++col == kRows) col = ++row + 1;
  }
  std::vector<std::uint32_t> factor(kRows, type.quarter);
  factor[0] = type.half;  // the pivot's row comes first
  const Buffer plain = of_type(type.dtype, dense);
  raw::Fields group;
  group.u32(1).u32(0).u64(xxh3_64(plain));
  if (sha) group.bytes(raw::sha256(plain));
  group.u16(kPivot);

  Maker m(name, false, sha);
  m.begin_file("t.bin");
  m.archive.records.push_back(raw::group(0, 2, Buffer(group), sha));
  m.tensor("s.factor", static_cast<std::uint8_t>(type.factor),
           static_cast<std::uint8_t>(factor_bits), {kRows}, of_type(type.factor, factor),
           {.operand = true});
  m.tensor("s", static_cast<std::uint8_t>(type.dtype), static_cast<std::uint8_t>(bits),
           {kRows, kCols}, plain, {.kept = Buffer(), .form = 2, .group = 0});
  m.end_file();
  return m.finish();
}

// A shortcut of rank 0 is the identity, and has no operand.
Valid polar_identity() {
  const Buffer plain = halves({0x3C00, 0, 0, 0x3C00});
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
  const Buffer tail = halves({0x3C00, 0x3C01});
  Buffer plain(riders.begin() + kOffset, riders.begin() + kOffset + kLength);
  raw::append(plain, tail);
  const Carried carried{.codec = 0, .length = kLength, .offset = kOffset, .tail = tail};

  Maker m("form-rider");
  m.begin_file("t.bin");
  m.archive.records.push_back(bits_back_group(64, record));
  m.tensor("w", kF16, 16, {200, 64}, read("f16-64x200.carrier"), {.chunk = 5000});
  m.tensor("v", kF16, 16, {32}, plain, {.coded = {{4, carried}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_symmetry_vectors() {
  return {lower(),
          polar("form-polar", kPolarF16),
          polar("form-polar-sha256", kPolarF16, true),
          polar("form-polar-bf16", kPolarBF16),
          polar("form-polar-f32", kPolarF32),
          polar_identity(),
          rider()};
}

}  // namespace bbz::vectors
