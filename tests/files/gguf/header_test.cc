#include "bbz/files/gguf/header.h"

#include <gmock/gmock.h>

#include "bbz/files/gguf/types.h"
#include "files/gguf/make_file.h"
#include "support/assert.h"

namespace bbz::gguf {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;

Result<Header> parsed(const std::vector<std::byte>& file, const Limits& limits = {}) {
  return parse(file, file.size(), limits);
}
void expect_refused(const std::vector<std::byte>& file, Code code, const std::string& message,
                    const Limits& limits = {}) {
  const auto header = parsed(file, limits);
  ASSERT_FALSE(header.ok()) << message;
  EXPECT_EQ(header.code(), code) << header.error().message;
  EXPECT_THAT(header.error().message, HasSubstr(message));
}

TEST(Gguf, HasTensorsOfEveryKnownType) {
  for (const std::uint32_t version : {2u, 3u}) {
    const auto made = every_type();
    const auto file = file_of(made, {.version = version});
    const auto header = parsed(file);
    BBZ_ASSERT_OK(header);
    ASSERT_EQ(header->tensors.size(), made.size() - 1);  // without the one of an unknown type
    std::uint64_t at = aligned(header->size, 32);
    for (std::size_t i = 0; i + 1 < made.size(); ++i) {
      const Tensor& tensor = header->tensors[i];
      EXPECT_EQ(tensor.name, made[i].name);
      EXPECT_EQ(tensor.begin, at) << tensor.name;
      EXPECT_EQ(tensor.size, made[i].size) << tensor.name;
      const bool blocks = tensor.dtype == DType::kBlock;
      EXPECT_EQ(blocks, tensor.block != nullptr);
      EXPECT_EQ(tensor.shape, (Shape{2, 3})) << tensor.name;
      EXPECT_EQ(
          "blk.0." + (blocks ? tensor.block->name : std::string(dtype_info(tensor.dtype).name)),
          tensor.name);
      at = aligned(at + tensor.size, 32);
    }
    EXPECT_EQ(at + aligned(made.back().size, 32), file.size());
    ASSERT_TRUE(header->unknown.has_value());
    EXPECT_EQ(header->unknown->name, "blk.0.unknown");
    EXPECT_EQ(header->unknown->type, 16u);
  }
}

TEST(Gguf, NamesTheFirstTensorOfAnUnknownType) {
  const Made known = {"known", {4}, 0, 16};
  const Made first = {"first", {256, 2}, 17, 100}, second = {"second", {256, 2}, 16, 100};
  const auto header = parsed(file_of({known, first, second}));
  BBZ_ASSERT_OK(header);
  ASSERT_EQ(header->tensors.size(), 1u);
  ASSERT_TRUE(header->unknown.has_value());
  EXPECT_EQ(header->unknown->name, "first");
  EXPECT_EQ(header->unknown->type, 17u);
  EXPECT_FALSE(parsed(file_of({known}))->unknown.has_value());
}

TEST(Gguf, BlockTypesCanBeStored) {
  for (std::uint32_t number = 0; number < 64; ++number) {
    const Type* const type = find_type(number);
    if (type == nullptr || type->block == nullptr) continue;
    BBZ_ASSERT_OK(check_block_type(*type->block));
  }
  EXPECT_EQ(find_type(12)->block->bytes(), 144u);
  EXPECT_EQ(find_type(4), nullptr);
}

TEST(Gguf, TensorsLieInAnyOrderAndFarApart) {
  const auto file =
      file_of({{"b", {8}, 0, 32, 4096}, {"a", {8}, 24, 8, 64}, {"none", {0, 4}, 0, 0, 64}},
              {.alignment = 64});
  const auto header = parsed(file);
  BBZ_ASSERT_OK(header);
  const std::uint64_t data = aligned(header->size, 64);
  ASSERT_EQ(header->tensors.size(), 3u);
  EXPECT_EQ(header->tensors[0].name, "none");
  EXPECT_EQ(header->tensors[0].shape, (Shape{4, 0}));
  EXPECT_EQ(header->tensors[1].name, "a");
  EXPECT_EQ(header->tensors[1].begin, data + 64);
  EXPECT_EQ(header->tensors[2].begin, data + 4096);
}

// The parser asks for more bytes until the header is there, and for no more.
TEST(Gguf, IsReadAsFarAsTheHeaderGoes) {
  const auto file = file_of({{"w", {1 << 20}, 24, 1 << 20}}, {.vocabulary = 20'000});
  std::uint64_t most = 0;
  const auto first = [&](std::uint64_t size) -> Result<Bytes> {
    most = size;
    return Bytes(file).first(std::min<std::uint64_t>(size, file.size()));
  };
  const auto header = read(first, file.size());
  BBZ_ASSERT_OK(header);
  EXPECT_GT(header->size, 256u << 10);
  EXPECT_EQ(most, 1u << 20);
  Limits limits;
  limits.header_bytes = 300'000;
  EXPECT_EQ(read(first, file.size(), limits).code(), Code::kLimit);
  const auto cut = Bytes(file).first(100'000);
  const auto of_cut = [&](std::uint64_t size) -> Result<Bytes> {
    return cut.first(std::min<std::uint64_t>(size, cut.size()));
  };
  EXPECT_EQ(read(of_cut, cut.size()).code(), Code::kTruncated);
  const auto fails = [](std::uint64_t) -> Result<Bytes> {
    return error_with_message(Code::kIo, "cannot read");
  };
  EXPECT_EQ(read(fails, file.size()).code(), Code::kIo);
}

TEST(Gguf, EveryCutOfTheHeaderIsTruncated) {
  const auto file = file_of(every_type());
  const std::uint64_t size = parsed(file)->size;
  for (std::uint64_t n = 0; n < size; ++n) {
    ASSERT_EQ(parse(Bytes(file).first(n), file.size()).code(), Code::kTruncated) << n;
  }
  EXPECT_TRUE(parse(Bytes(file).first(size), file.size()).ok());
  EXPECT_TRUE(parse(Bytes(file).first(size), std::nullopt).ok());
}

TEST(Gguf, EveryFlippedBitIsReadOrRefused) {
  auto file = file_of(every_type());
  const std::uint64_t size = parsed(file)->size;
  for (std::uint64_t bit = 0; bit < size * 8; ++bit) {
    file[bit / 8] ^= std::byte(1 << bit % 8);
    const auto header = parsed(file);
    if (header.ok()) {
      std::uint64_t end = 0;
      for (const Tensor& tensor : header->tensors) {
        ASSERT_GE(tensor.begin, end) << bit;
        end = tensor.begin + tensor.size;
      }
      ASSERT_LE(end, file.size()) << bit;
    }
    file[bit / 8] ^= std::byte(1 << bit % 8);
  }
}

TEST(Gguf, RefusesHeadersThatBreakARule) {
  expect_refused(file_of({}, {.version = 1}), Code::kUnsupported, "version 1, expected 2 or 3");
  expect_refused(file_of({}, {.version = 3u << 24}), Code::kUnsupported, "version 50331648");
  auto other = file_of({});
  other[0] = std::byte{'g'};
  expect_refused(other, Code::kMalformed, "does not begin with GGUF");
  for (const std::uint32_t alignment : {0u, 24u, 1u << 31}) {
    Maker m;
    m.begin(3, 0, 1).text("general.alignment").number(std::uint32_t{4}).number(alignment);
    expect_refused(m.bytes(), Code::kMalformed, "an alignment of");
  }
  expect_refused(Maker().begin(3, 0, 1).text("k").number(std::uint32_t{13}).bytes(),
                 Code::kMalformed, "a metadata value of type 13");
  expect_refused(file_of({{"w", {4}, 0, 16}, {"w", {4}, 0, 16}}), Code::kMalformed,
                 "\"w\" of a tensor occurs twice");
  expect_refused(file_of({{"\xFF", {4}, 0, 16}}), Code::kMalformed, "is not UTF-8");
  expect_refused(file_of({{"w", {48, 2}, 2, 54}}), Code::kMalformed, "no whole blocks of Q4_0");
  expect_refused(file_of({{"w", {}, 2, 18}}), Code::kMalformed, "no whole blocks of Q4_0");
  expect_refused(file_of({{"w", {kHuge, 2}, 24, 16}}), Code::kMalformed, "its size exceeds");
  expect_refused(file_of({{"w", {kHuge, 2}, 2, 16}}), Code::kMalformed, "more than 64 bits");
  expect_refused(file_of({{"w", {kHuge}, 0, 16}}), Code::kMalformed, "its size exceeds");
  expect_refused(file_of({{"w", {std::uint64_t{1} << 40}, 24, 16}}), Code::kMalformed,
                 "of a file of");
  expect_refused(file_of({{"a", {64}, 0, 256}, {"b", {8}, 0, 32, 224}}), Code::kMalformed,
                 "before the end");
  expect_refused(file_of({{"a", {64}, 0, 256}, {"b", {0}, 0, 0, 32}}), Code::kMalformed,
                 "before the end");
  auto cut = file_of({{"w", {64}, 0, 256}});
  cut.pop_back();
  expect_refused(cut, Code::kMalformed, "tensor \"w\": 256 bytes at 0 after byte");
}

TEST(Gguf, KeepsToLimits) {
  Limits limits;
  limits.tensors = 1;
  expect_refused(file_of({{"a", {4}, 0, 16}, {"b", {4}, 0, 16}}), Code::kLimit,
                 "2 tensors, the limit is 1", limits);
  limits = {};
  limits.rank = 2;
  limits.name_bytes = 3;
  EXPECT_TRUE(parsed(file_of({{"abc", {2, 2}, 0, 16}}), limits).ok());
  expect_refused(file_of({{"abcd", {2, 2}, 0, 16}}), Code::kLimit, "a name of 4 bytes", limits);
  expect_refused(file_of({{"abc", {2, 2, 1}, 0, 16}}), Code::kLimit, "3 axes", limits);
  Maker deep;
  deep.begin(3, 0, 1).text("deep").number(std::uint32_t{9});
  for (int i = 0; i < 8; ++i) deep.number(std::uint32_t{9}).number(std::uint64_t{1});
  expect_refused(deep.bytes(), Code::kLimit, "arrays within arrays");
}

// Counts for which the file has no bytes cost neither time nor memory.
TEST(Gguf, EndsAtCountsThatTheFileDoesNotHave) {
  const auto with = [](std::uint32_t type, std::uint64_t count) {
    return Maker().begin(3, 0, 1).text("k").number(std::uint32_t{9}).number(type).number(count);
  };
  for (const std::uint32_t type : {0u, 5u, 8u, 9u, 12u}) {
    for (const std::uint64_t count : {std::uint64_t{1}, kHuge, ~std::uint64_t{0}}) {
      expect_refused(with(type, count).bytes(), Code::kTruncated, "the header is not complete");
    }
  }
  expect_refused(Maker().begin(3, 0, kHuge).bytes(), Code::kTruncated, "after 24 bytes");
  expect_refused(Maker().begin(3, 1'000'000, 0).bytes(), Code::kTruncated, "after 24 bytes");
  expect_refused(Maker().begin(3, 1'000'001, 0).bytes(), Code::kLimit, "1000001 tensors");
  expect_refused(Maker().begin(3, 0, 1).number(~std::uint64_t{0}).bytes(), Code::kTruncated,
                 "the header is not complete");
}

}  // namespace
}  // namespace bbz::gguf
