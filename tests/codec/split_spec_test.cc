// The split-float codec against a decoder written from format-spec/codecs.md alone, and the worked
// example of that chapter.
#include <gtest/gtest.h>

#include <map>

#include "bbz/codec/split/split_float.h"
#include "codec/generate.h"

namespace bbz::codec {
namespace {

using u64 = std::uint64_t;

// The chapter's steps in its order, with its names; nothing is checked and nothing is fast.
class SpecDecoder {
 public:
  SpecDecoder(DType dtype, u64 n, Bytes payload) : n_(n), payload_(payload) {
    const DTypeInfo& info = dtype_info(dtype);
    bits_ = info.bits;
    exponent_bits_ = info.layout.exponent_bits;
  }

  std::vector<std::byte> decode() {
    read_header();
    for (int t = 0; t < tables_; ++t) read_table();
    read_rows_and_columns();
    const u64 packed_at = at_;
    for (u64 r = 0; r < rows_; ++r) at_ += (elements_of(r) * packed_bits_ + 7) / 8;
    const u64 bytes_at = at_;
    at_ += n_ * rest_bytes_;
    std::vector<u64> stream(streams_);
    for (int s = 0; s < streams_; ++s) {
      stream[s] = at_;
      at_ += stream_size_[s];
    }
    u64 escape = at_;
    at_ += escapes_;
    const u64 patch_at = at_;
    at_ += 6 * patches_;
    std::vector<u64> x(lanes_);
    for (u64& state : x) state = take(2);
    EXPECT_EQ(at_, payload_.size());

    std::map<u64, u64> patches;
    at_ = patch_at;
    for (u64 i = 0; i < patches_; ++i) {
      const u64 element = take(4);
      patches[element] = take(2);
    }
    std::vector<std::byte> chunk(n_ * bits_ / 8);
    u64 packed_row = packed_at;
    for (u64 r = 0, i = 0; r < rows_; ++r) {
      const u64 size = elements_of(r);
      for (u64 j = 0; j < size; ++j, ++i) {
        const u64 lane = j % lanes_;
        const u64 slot = x[lane] % 256;
        const u64 index = symbol_[row_table_[r]][slot];
        x[lane] = frequency_[row_table_[r]][index] * (x[lane] / 256) + rank_[row_table_[r]][slot];
        if (x[lane] < 256) x[lane] = 256 * x[lane] + byte(stream[lane / 64]++);
        const u64 column = (first_ + i) % width_;
        const u64 origin = base_ + ((row_shift_[r] + column_shift_[column]) << top_bits_);
        u64 key = origin + index;
        if (index == 31) key = origin + byte(escape++) - 224;
        if (patches.count(i) != 0) key = patches[i];
        key %= u64{1} << key_bits_;
        u64 rest = 0;
        for (u64 b = 0; b < rest_bytes_; ++b) {
          rest |= byte(bytes_at + i * rest_bytes_ + b) << (8 * b);
        }
        for (u64 b = 0; b < packed_bits_; ++b) {
          const u64 bit = j * packed_bits_ + b;
          rest |= (byte(packed_row + bit / 8) >> (bit % 8) & 1) << (8 * rest_bytes_ + b);
        }
        const u64 v = key << rest_bits_ | rest;
        const u64 element = v >> 1 | (v & 1) << (bits_ - 1);
        for (u64 b = 0; b < bits_ / 8; ++b) {
          chunk[i * bits_ / 8 + b] = static_cast<std::byte>(element >> (8 * b));
        }
      }
      packed_row += (size * packed_bits_ + 7) / 8;
    }
    for (const u64 state : x) EXPECT_EQ(state, 256u);
    return chunk;
  }

 private:
  u64 byte(u64 at) const { return std::to_integer<u64>(payload_[at]); }
  u64 take(int bytes) {
    u64 value = 0;
    for (int b = 0; b < bytes; ++b) value |= byte(at_++) << (8 * b);
    return value;
  }
  u64 elements_of(u64 r) const {
    const u64 begin = r == 0 ? first_ : r * width_;
    return std::min((r + 1) * width_, first_ + n_) - begin;
  }
  void read_header() {
    EXPECT_EQ(take(1), 1u);
    top_bits_ = take(1);
    lanes_ = u64{1} << take(1);
    tables_ = static_cast<int>(take(1));
    row_bits_ = take(1);
    column_bits_ = take(1);
    base_ = take(2);
    width_ = take(4);
    first_ = take(4);
    escapes_ = take(4);
    patches_ = take(4);
    streams_ = static_cast<int>(std::max<u64>(lanes_ / 64, 1));
    for (int s = 0; s < streams_; ++s) stream_size_.push_back(take(4));
    key_bits_ = exponent_bits_ + top_bits_;
    rest_bits_ = bits_ - key_bits_;
    rest_bytes_ = rest_bits_ / 8;
    packed_bits_ = rest_bits_ % 8;
    rows_ = (first_ + n_ + width_ - 1) / width_;
  }
  void read_table() {
    std::vector<u64> f(32);
    const u64 count = take(1);
    u64 sum = 0;
    for (u64 i = 0; i < count; ++i) sum += f[i] = take(1);
    f[31] = 256 - sum;
    std::vector<u64> symbol(256);
    std::vector<u64> rank(256);
    u64 k = 0;
    for (u64 index = 0; index < 32; ++index) {
      for (u64 i = 0; i < f[index]; ++i) symbol[159 * k++ % 256] = index;
    }
    for (int slot = 0; slot < 256; ++slot) {
      rank[slot] =
          static_cast<u64>(std::count(symbol.begin(), symbol.begin() + slot, symbol[slot]));
    }
    frequency_.push_back(f);
    symbol_.push_back(symbol);
    rank_.push_back(rank);
  }
  std::vector<u64> read_fields(u64 count, u64 bits) {
    std::vector<u64> fields(count);
    for (u64 i = 0; i < count * bits; ++i) {
      fields[i / bits] |= (byte(at_ + i / 8) >> (i % 8) & 1) << (i % bits);
    }
    at_ += (count * bits + 7) / 8;
    return fields;
  }
  void read_rows_and_columns() {
    u64 table_bits = 0;
    while ((1 << table_bits) < tables_) ++table_bits;
    for (const u64 field : read_fields(rows_, row_bits_ + table_bits)) {
      row_table_.push_back(field & ((u64{1} << table_bits) - 1));
      row_shift_.push_back(field >> table_bits);
    }
    column_shift_ = read_fields(width_, column_bits_);
  }

  u64 n_;
  Bytes payload_;
  u64 at_ = 0;
  u64 bits_, exponent_bits_, top_bits_ = 0, key_bits_ = 0, rest_bits_ = 0, rest_bytes_ = 0;
  u64 packed_bits_ = 0, lanes_ = 0, row_bits_ = 0, column_bits_ = 0, base_ = 0, width_ = 0;
  u64 first_ = 0, escapes_ = 0, patches_ = 0, rows_ = 0;
  int tables_ = 0, streams_ = 0;
  std::vector<u64> stream_size_, row_table_, row_shift_, column_shift_;
  std::vector<std::vector<u64>> frequency_, symbol_, rank_;
};

TEST(SplitSpec, ADecoderWrittenFromTheChapterAgrees) {
  for (const DType dtype :
       {DType::kBF16, DType::kF16, DType::kF32, DType::kF64, DType::kF8E4M3, DType::kF8E5M2}) {
    SCOPED_TRACE(dtype_info(dtype).name);
    for (const u64 elements : {700u, 5000u, 33000u, 140000u, 270000u}) {
      const ChunkShape shape{dtype, elements, 500, 123};
      const auto plain = gaussian_rows(dtype, elements, 500, elements, 0.8);
      std::vector<std::byte> payload;
      ASSERT_TRUE(encode_split_float(shape, plain, Level::kDefault, plain.size(), payload));
      EXPECT_TRUE(SpecDecoder(dtype, elements, payload).decode() == plain) << elements;
    }
  }
}

TEST(SplitSpec, TheExampleIsWhatTheCodecWrites) {
  constexpr unsigned char kPayload[] = {
      0x01, 0x00, 0x03, 0x01, 0x00, 0x00, 0x7D, 0x00, 0x40, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x04, 0x4C,
      0x43, 0x3A, 0x36, 0x00, 0x3A, 0x74, 0xAE, 0xE8, 0x22, 0x5C, 0x96, 0xD0, 0x0A, 0x44, 0x7E,
      0xB8, 0xF2, 0x2C, 0x66, 0xA0, 0xDA, 0x14, 0x4E, 0x88, 0xC2, 0xFC, 0x36, 0x70, 0xAA, 0xE4,
      0x1E, 0x58, 0x92, 0xCC, 0x06, 0x40, 0x7A, 0xB4, 0xEE, 0x28, 0x62, 0x9C, 0xD6, 0x10, 0x4A,
      0x84, 0xBE, 0xF8, 0x32, 0x6C, 0xA6, 0xE0, 0x1A, 0x54, 0x8E, 0xC8, 0x02, 0x3C, 0x76, 0xB0,
      0xEA, 0x24, 0x5E, 0x98, 0xD2, 0x0C, 0x46, 0x80, 0xBA, 0xF4, 0x2E, 0x68, 0xA2, 0xDC, 0x16,
      0x50, 0x8A, 0xC4, 0xFE, 0x38, 0x72, 0xAC, 0xE6, 0x36, 0x87, 0xFE, 0x97, 0x6A, 0xA3, 0x09,
      0xB1, 0x68, 0xCF, 0x67, 0xA2, 0xE6, 0x17, 0x4A, 0x0F, 0x19, 0x0E, 0xB2, 0x11, 0x49, 0x0E,
      0xC0, 0x11, 0x64, 0x0E, 0x4A, 0x0D, 0x85, 0x10, 0x4F, 0x0E};
  std::vector<std::byte> plain;
  for (unsigned i = 0; i < 80; ++i) {
    const unsigned element = 16000 + 29 * i % 512;
    plain.push_back(static_cast<std::byte>(element));
    plain.push_back(static_cast<std::byte>(element >> 8));
  }
  std::vector<std::byte> payload;
  ASSERT_TRUE(
      encode_split_float({DType::kBF16, 80, 80, 0}, plain, Level::kDefault, plain.size(), payload));
  EXPECT_TRUE(std::ranges::equal(payload, std::as_bytes(std::span(kPayload))));
  EXPECT_TRUE(SpecDecoder(DType::kBF16, 80, payload).decode() == plain);
}

}  // namespace
}  // namespace bbz::codec
