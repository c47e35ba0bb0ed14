// Payloads that break a rule of the split-float codec, or have a bit changed anywhere.
#include <gtest/gtest.h>

#include "bbz/base/wire.h"
#include "bbz/codec/split/binding.h"
#include "bbz/codec/split/split_float.h"
#include "bbz/codec/split/wire.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::split {
namespace {

struct Sample {
  ChunkShape shape;
  std::vector<std::byte> plain;
  std::vector<std::byte> payload;
  Header header;
};

Sample make_sample(DType dtype, std::uint64_t elements, std::uint64_t row) {
  Sample s{{dtype, elements, row, row / 2}, gaussian_rows(dtype, elements, row, 9, 0.7), {}, {}};
  EXPECT_TRUE(
      encode_with(&kPortableKernel, s.shape, s.plain, Level::kDefault, s.plain.size(), s.payload));
  WireReader in(s.payload);
  s.header = get_header(in).value();
  return s;
}

Code code_of(const Sample& s, Bytes payload) {
  std::vector<std::byte> out(s.plain.size());
  const Status status = decode_split_float(s.shape, payload, out, nullptr);
  return status.ok() ? Code::kOk : status.error().code;
}

template <class T>
Code code_with(const Sample& s, std::size_t at, T value) {
  auto payload = s.payload;
  store_le(payload.data() + at, value);
  return code_of(s, payload);
}

TEST(SplitHostile, EachHeaderFieldIsChecked) {
  const Sample s = make_sample(DType::kBF16, 5000, 250);
  ASSERT_EQ(code_of(s, s.payload), Code::kOk);
  for (const int form : {0, 2, 255}) {
    EXPECT_EQ(code_with<std::uint8_t>(s, 0, static_cast<std::uint8_t>(form)), Code::kUnsupported);
  }
  EXPECT_EQ(code_with<std::uint8_t>(s, 1, 2), Code::kUnsupported);
  for (const int lanes : {0, 2, 9, 255}) {
    EXPECT_EQ(code_with(s, 2, static_cast<std::uint8_t>(lanes)), Code::kMalformed);
  }
  for (const int tables : {0, 9, 255})
    EXPECT_EQ(code_with(s, 3, static_cast<std::uint8_t>(tables)), Code::kMalformed);
  for (const int bits : {9, 255}) {
    EXPECT_EQ(code_with(s, 4, static_cast<std::uint8_t>(bits)), Code::kMalformed);
    EXPECT_EQ(code_with(s, 5, static_cast<std::uint8_t>(bits)), Code::kMalformed);
  }
  EXPECT_EQ(code_with<std::uint16_t>(s, 6, 512), Code::kMalformed);
  for (const std::uint32_t width : {0u, 1u << 27, ~0u}) {
    EXPECT_EQ(code_with(s, 8, width), Code::kMalformed);
  }
  for (const std::uint32_t first : {s.header.width, ~0u}) {
    EXPECT_EQ(code_with(s, 12, first), Code::kMalformed);
  }
  for (const std::uint32_t count : {s.header.escape_count + 1, ~0u}) {
    EXPECT_EQ(code_with(s, 16, count), Code::kMalformed);
  }
  for (const std::uint32_t count : {s.header.patch_count + 1, ~0u}) {
    EXPECT_EQ(code_with(s, 20, count), Code::kMalformed);
  }
  for (const std::uint32_t size : {0u, s.header.stream_size[0] + 1, ~0u}) {
    EXPECT_EQ(code_with(s, 24, size), Code::kMalformed);
  }
}

TEST(SplitHostile, TooManyRowsAreRefusedBeforeTheyTakeMemory) {
  Sample s = make_sample(DType::kF8E5M2, 1 << 20, 1000);
  EXPECT_EQ(code_with<std::uint32_t>(s, 8, 1), Code::kMalformed);
}

TEST(SplitHostile, EveryCutAndEveryExtraByteIsRefused) {
  for (const Sample& s :
       {make_sample(DType::kF16, 2100, 100), make_sample(DType::kF32, 300, 300)}) {
    for (std::size_t size = 0; size < s.payload.size(); ++size) {
      ASSERT_NE(code_of(s, Bytes(s.payload).first(size)), Code::kOk) << size;
    }
    auto longer = s.payload;
    longer.push_back(std::byte{0});
    EXPECT_EQ(code_of(s, longer), Code::kMalformed);
  }
}

TEST(SplitHostile, OtherShapesAreRefused) {
  Sample s = make_sample(DType::kBF16, 5000, 250);
  for (const std::uint64_t elements : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4999},
                                       std::uint64_t{5001}, std::uint64_t{100000}}) {
    std::vector<std::byte> out(elements * 2);
    EXPECT_FALSE(
        decode(CodecId::kSplitFloat, {DType::kBF16, elements, 250, 0}, s.payload, out).ok());
  }
  for (const DType dtype : {DType::kU16, DType::kI16}) {
    std::vector<std::byte> out(10000);
    EXPECT_EQ(decode(CodecId::kSplitFloat, {dtype, 5000, 250, 0}, s.payload, out).error().code,
              Code::kMalformed);
  }
}

// A changed bit gives an error or wrong elements, nothing worse. Whatever decodes, every kernel
// decodes alike.
TEST(SplitHostile, ChangedBitsAreHarmlessInEveryKernel) {
  struct Case {
    DType dtype;
    std::uint64_t elements;
    std::uint64_t row;
    std::size_t step;  // bits
  };
  for (const Case& c :
       {Case{DType::kBF16, 2500, 130, 7}, Case{DType::kF64, 2500, 200, 61},
        Case{DType::kF16, 33000, 300, 2501}, Case{DType::kBF16, 140000, 999, 20011},
        Case{DType::kF32, 270000, 4096, 90021}, Case{DType::kF8E4M3, 140000, 304, 20011}}) {
    const Sample s = make_sample(c.dtype, c.elements, c.row);
    std::vector<std::byte> expected(s.plain.size());
    std::vector<std::byte> out(s.plain.size());
    std::size_t refused = 0;
    std::size_t changed = 0;
    // Bits of the header are near one another: all of them in the small chunks.
    const std::size_t header_step = c.elements < 3000 ? 1 : 7;
    for (std::size_t bit = 0; bit < s.payload.size() * 8; bit += bit < 300 ? header_step : c.step) {
      auto payload = s.payload;
      payload[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      const Status status = decode_with(&kPortableKernel, s.shape, payload, expected);
      ++changed;
      refused += !status.ok();
      WireReader in(payload);
      const auto header = get_header(in);
      if (!header) continue;
      const Layout layout = layout_of(c.dtype, header->top_bits);
      const Grid grid{c.elements, header->width, header->first, header->lanes()};
      for (const Kernel* kernel : tested_kernels()) {
        if (!kernel->takes(layout, grid)) continue;
        const Status other = decode_with(kernel, s.shape, payload, out);
        ASSERT_EQ(other.ok(), status.ok()) << kernel->name << ", bit " << bit;
        ASSERT_TRUE(!other.ok() || out == expected) << kernel->name << ", bit " << bit;
      }
    }
    EXPECT_GT(refused, changed / 10);
  }
}

}  // namespace
}  // namespace bbz::codec::split
