// Each rule of a split-float payload that a header's field alone does not break, broken by itself;
// the message tells which rule was found broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "bbz/base/wire.h"
#include "bbz/codec/split/binding.h"
#include "bbz/codec/split/wire.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec::split {
namespace {

using testing::HasSubstr;

// A payload and where its parts begin.
struct Encoded {
  ChunkShape shape;
  std::vector<std::byte> payload;
  Header header;
  Layout layout;
  Grid grid;
  std::size_t tables, rows, columns, packed, streams, escapes, patches, states;

  Encoded(const ChunkShape& chunk, Bytes plain) : shape(chunk) {
    EXPECT_TRUE(encode_with(nullptr, shape, plain, Level::kDefault, plain.size(), payload));
    WireReader in(payload);
    header = get_header(in).value();
    layout = layout_of(shape.dtype, header.top_bits);
    grid = {shape.elements, header.width, header.first, header.lanes()};
    const auto position = [&] { return payload.size() - in.remaining(); };
    tables = position();
    for (int i = 0; i < header.tables; ++i) EXPECT_TRUE(get_table(in).ok());
    rows = position();
    std::vector<std::uint16_t> fields;
    EXPECT_TRUE(get_fields(in, grid.rows(), header.row_field_bits(), fields).ok());
    columns = position();
    if (header.column_bits != 0) {
      EXPECT_TRUE(get_fields(in, header.width, header.column_bits, fields).ok());
    }
    packed = position();
    in.get_bytes(packed_total(layout, grid));
    in.get_bytes(shape.elements * static_cast<std::uint64_t>(layout.rest_bytes));
    streams = position();
    for (int i = 0; i < header.streams(); ++i) in.get_bytes(header.stream_size[i]);
    escapes = position();
    in.get_bytes(header.escape_count);
    patches = position();
    in.get_bytes(header.patch_count * 6u);
    states = position();
  }

  // The message of decoding, or "" if it succeeds; an error of another kind fails the test.
  std::string message(Bytes bytes) const {
    std::vector<std::byte> out(*chunk_bytes(shape));
    const Status status = decode_with(nullptr, shape, bytes, out);
    if (status.ok()) return "";
    EXPECT_EQ(status.error().code, Code::kMalformed);
    return status.error().message;
  }
  std::string message_with(std::size_t at, std::uint8_t value) const {
    auto bytes = payload;
    bytes[at] = static_cast<std::byte>(value);
    return message(bytes);
  }
};

Encoded weights(DType dtype, std::uint64_t elements, std::uint64_t row) {
  return {{dtype, elements, row, 0}, gaussian_rows(dtype, elements, row, 21)};
}

// BF16 with keys that only patches can express.
Encoded patched() {
  auto plain = gaussian_rows(DType::kBF16, 6000, 250, 22);
  for (const std::size_t element : {10u, 700u, 5999u}) {
    store_le<std::uint16_t>(plain.data() + 2 * element, 0x7F80);  // infinity
  }
  return {{DType::kBF16, 6000, 250, 0}, plain};
}

TEST(SplitRules, AStateIsAtLeast256) {
  const Encoded s = weights(DType::kF16, 3000, 300);
  EXPECT_EQ(s.message(s.payload), "");
  EXPECT_THAT(s.message_with(s.states + 1, 0), HasSubstr("below 256"));
}

// A changed bit can make another valid payload, though hardly ever: the states would have to end as
// they should by chance.
TEST(SplitRules, AChangeOfStreamsAndStatesShowsAtTheEnd) {
  for (const Encoded& s : {weights(DType::kF16, 3000, 300), weights(DType::kF32, 2500, 2500)}) {
    std::size_t changed = 0;
    std::size_t unseen = 0;
    for (std::size_t bit = s.streams * 8; bit < s.payload.size() * 8; ++bit) {
      if (bit / 8 >= s.escapes && bit / 8 < s.states) continue;
      auto bytes = s.payload;
      bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      ++changed;
      if (s.message(bytes).empty()) ++unseen;
    }
    RecordProperty("changed", static_cast<int>(changed));
    EXPECT_LT(unseen * 25, changed) << unseen;
  }
}

TEST(SplitRules, NoByteOfAStreamIsLeftOver) {
  const Encoded s = weights(DType::kF16, 3000, 300);
  auto bytes = s.payload;
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(s.escapes), std::byte{0});
  store_le(bytes.data() + 24, s.header.stream_size[0] + 1);
  EXPECT_THAT(s.message(bytes), HasSubstr("do not end at the end of the coded keys"));
}

// Sanitizers see what is read past the end: here streams end at once, before any of the chunk was
// decoded, in one row or in many.
TEST(SplitRules, AStreamThatEndsEarlyStopsEveryKernel) {
  for (const std::uint64_t row : {1 << 19, 512}) {
    const Encoded s = weights(DType::kBF16, 1 << 19, row);
    ASSERT_EQ(s.header.streams(), 4);
    for (int empty = 0; empty < 4; ++empty) {
      auto bytes = s.payload;
      const int full = (empty + 1) % 4;
      store_le(bytes.data() + 24 + 4 * full,
               s.header.stream_size[full] + s.header.stream_size[empty]);
      store_le<std::uint32_t>(bytes.data() + 24 + 4 * empty, 0);
      std::vector<std::byte> out(*chunk_bytes(s.shape));
      for (const Kernel* kernel : tested_kernels()) {
        EXPECT_FALSE(decode_with(kernel, s.shape, bytes, out).ok()) << kernel->name;
      }
    }
  }
}

TEST(SplitRules, NoEscapeIsLeftOverOrMissing) {
  const Encoded s = patched();
  ASSERT_GT(s.header.escape_count, 0u);
  auto bytes = s.payload;
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(s.patches), std::byte{0});
  store_le(bytes.data() + 16, s.header.escape_count + 1);
  EXPECT_THAT(s.message(bytes), HasSubstr("do not end at the end of the coded keys"));
  bytes = s.payload;
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(s.escapes));
  store_le(bytes.data() + 16, s.header.escape_count - 1);
  EXPECT_THAT(s.message(bytes), HasSubstr("do not end at the end of the coded keys"));
}

TEST(SplitRules, PatchesAscendAndAreInTheChunk) {
  const Encoded s = patched();
  ASSERT_EQ(s.header.patch_count, 3u);
  EXPECT_EQ(s.message(s.payload), "");
  auto bytes = s.payload;
  std::byte* first = bytes.data() + s.patches;
  std::swap_ranges(first, first + 6, first + 6);
  EXPECT_THAT(s.message(bytes), HasSubstr("patch of element 10"));
  bytes = s.payload;
  store_le<std::uint32_t>(bytes.data() + s.patches + 12, 6000);
  EXPECT_THAT(s.message(bytes), HasSubstr("patch of element 6000"));
  bytes = s.payload;
  store_le<std::uint16_t>(bytes.data() + s.patches + 4, 512);
  EXPECT_THAT(s.message(bytes), HasSubstr("key 512"));
}

TEST(SplitRules, BitsAfterARowsPackedBitsAreZero) {
  const Encoded s = weights(DType::kBF16, 5000, 250);
  ASSERT_EQ(s.header.width, 250u);
  ASSERT_EQ(s.layout.packed_bits, 7);  // 1750 bits a row, 2 short of 219 bytes
  for (const std::size_t row : {0u, 7u, 19u}) {
    const std::size_t last = s.packed + row * 219 + 218;
    const auto value = static_cast<std::uint8_t>(s.payload[last]);
    EXPECT_LT(value, 64);
    EXPECT_THAT(s.message_with(last, value | 0x80), HasSubstr("unused bits after a row"));
    EXPECT_THAT(s.message_with(last, value | 0x40), HasSubstr("unused bits after a row"));
  }
}

TEST(SplitRules, ARowNamesATableThatIsThere) {
  const Encoded s = weights(DType::kBF16, 200 * 1024, 1024);
  ASSERT_EQ(s.header.tables, 4);
  // Without its last table, the rows' fields stay as wide as they are.
  WireReader in(Bytes(s.payload).subspan(s.tables));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(get_table(in).ok());
  const std::size_t last = s.rows - s.tables;
  const std::size_t begin = s.payload.size() - s.tables - in.remaining();
  auto bytes = s.payload;
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(s.tables + begin),
              bytes.begin() + static_cast<std::ptrdiff_t>(s.tables + last));
  bytes[3] = std::byte{3};
  EXPECT_THAT(s.message(bytes), HasSubstr("uses table 3 of 3"));
}

TEST(SplitRules, RowsAreLimited) {
  const Encoded s = weights(DType::kF8E4M3, 1 << 17, 1 << 17);
  auto bytes = s.payload;
  store_le<std::uint32_t>(bytes.data() + 8, 1);
  store_le<std::uint32_t>(bytes.data() + 12, 0);
  EXPECT_THAT(s.message(bytes), HasSubstr("131072 rows, at most 65536"));
}

}  // namespace
}  // namespace bbz::codec::split
