// Tensors of blocks: what a writer makes of them, and how they are read.
#include <gtest/gtest.h>

#include "archive/repeating.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz {
namespace {

WriteOptions small_chunks(DigestKind digest = DigestKind::kXxh3_128) {
  WriteOptions options;
  options.chunk_bytes = 150;  // eight blocks of Q4_0, four of Q8_0
  options.digest = digest;
  return options;
}

Reader opened(const std::vector<std::byte>& archive) {
  auto reader = Reader::open(io::memory_source(Bytes(archive)));
  EXPECT_TRUE(reader.ok()) << reader.error().message;
  return std::move(reader).value();
}

TEST(Blocks, AreReadByTheIndexAndFromAPipe) {
  const auto files = block_files();
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    for (const bool front : {false, true}) {
      const auto archive = write_sample(files, small_chunks(digest), front);
      BBZ_ASSERT_OK(archive);
      Collector collector;
      BBZ_ASSERT_OK(opened(*archive).visit_all(collector));
      EXPECT_EQ(collector.files, contents(files));
      const auto memory = io::memory_source(Bytes(*archive));
      Collector streamed;
      io::SequentialSource pipe(*memory);
      EXPECT_EQ(read_stream(pipe, {}, streamed).code(), Code::kUnsupported);  // the tied tensor
      Collector seeking;
      BBZ_ASSERT_OK(read_stream(*memory, {}, seeking));
      EXPECT_EQ(seeking.files, contents(files));
    }
  }
}

TEST(Blocks, TheCatalogSaysWhatTheyHold) {
  const auto archive = write_sample(block_files(), small_chunks());
  BBZ_ASSERT_OK(archive);
  const Reader reader = opened(*archive);
  const catalog::Catalog& catalog = reader.catalog();
  ASSERT_EQ(catalog.block_types.size(), 2u);
  EXPECT_EQ(*catalog.block_types[0].type, *q4_0());
  EXPECT_EQ(*catalog.block_types[1].type, *q8_0());
  const catalog::Tensor& q = catalog.tensors[1];
  EXPECT_EQ(q.meta.dtype, DType::kBlock);
  EXPECT_EQ(q.meta.element_bits, 18u * 8);
  EXPECT_EQ(q.meta.block_type, 0u);
  EXPECT_EQ(q.meta.shape, (Shape{5, 4}));
  EXPECT_EQ(q.byte_size, 5u * 4 * 18);
  EXPECT_EQ(catalog::shape_in_values(q), (Shape{5, 128}));
  EXPECT_EQ(q.meta.chunk_elements, 8u);  // whole rows
  EXPECT_EQ(catalog.tensors[2].meta.block_type, 1u);
  EXPECT_EQ(catalog.tensors[2].block, catalog.block_types[1].type);
  EXPECT_EQ(catalog::shape_in_values(catalog.tensors[4]), (Shape{0, 128}));
  EXPECT_EQ(catalog.tensors[5].block, nullptr);
  EXPECT_EQ(catalog::shape_in_values(catalog.tensors[5]), (Shape{9}));
  EXPECT_EQ(repeats_in(catalog), 3u);  // those of the tied tensor
  EXPECT_TRUE(catalog.tensors[3].repeats);
}

TEST(Blocks, RowsAndElementsAreSelected) {
  const auto files = block_files();
  const auto archive = write_sample(files, small_chunks());
  BBZ_ASSERT_OK(archive);
  const Reader reader = opened(*archive);
  const Bytes all(files[0].tensors[1].bytes);
  for (const std::uint32_t tensor : {1u, 3u}) {
    for (std::uint64_t first = 0; first <= 5; ++first) {
      for (std::uint64_t count = 0; first + count <= 5; ++count) {
        std::vector<std::byte> out(count * 4 * 18);
        BBZ_ASSERT_OK(reader.read_rows(tensor, first, count, out));
        EXPECT_TRUE(std::ranges::equal(out, all.subspan(first * 4 * 18, out.size())));
      }
    }
    std::vector<std::byte> out(7 * std::size_t{18});
    BBZ_ASSERT_OK(reader.read_elements(tensor, 6, 7, out));
    EXPECT_TRUE(std::ranges::equal(out, all.subspan(6 * std::size_t{18}, out.size())));
    EXPECT_EQ(reader.read_elements(tensor, 14, 7, out).code(), Code::kInvalidArgument);
  }
}

TEST(Blocks, OfOneByteValueTakeLittle) {
  SampleTensor zeros = block_tensor("zeros", q4_0(), {64, 32}, 1);
  std::ranges::fill(zeros.bytes, std::byte{0});
  SampleTensor text = block_tensor("text", q4_0(), {64, 32}, 1);
  for (std::size_t i = 0; i < text.bytes.size(); ++i) text.bytes[i] = std::byte(i / 600);
  const auto archive = write_sample({{"f", catalog::FileKind::kRegular, {zeros, text}}}, {});
  BBZ_ASSERT_OK(archive);
  const Reader reader = opened(*archive);
  const catalog::Catalog& catalog = reader.catalog();
  EXPECT_EQ(catalog.chunks[0].meta.codec, codec::CodecId::kConstant);
  EXPECT_EQ(catalog.chunks[0].payload.length, 18u);
  EXPECT_EQ(catalog.chunks[1].meta.codec, codec::CodecId::kZstd);
  std::vector<std::byte> out(text.bytes.size());
  BBZ_ASSERT_OK(reader.read_tensor(1, out));
  EXPECT_EQ(out, text.bytes);
}

TEST(Blocks, AWriterRefusesWhatIsNone) {
  const auto attempt = [](const std::vector<TensorSpec>& specs) {
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    auto writer = Writer::create(*sink).value();
    EXPECT_TRUE(writer.begin_file("f").ok());
    for (const TensorSpec& spec : specs) {
      Status status = writer.begin_tensor(spec);
      if (status.ok()) status = writer.end_tensor();
      if (!status.ok()) return status;
    }
    return writer.end_file();
  };
  const auto spec = [](std::string name, DType dtype, SharedBlockType type) {
    TensorSpec made;
    made.name = std::move(name);
    made.dtype = dtype;
    made.block = std::move(type);
    made.shape = {0, 4};
    return made;
  };
  EXPECT_EQ(attempt({spec("a", DType::kBlock, q4_0()), spec("b", DType::kBlock, q4_0())}).code(),
            Code::kOk);
  EXPECT_EQ(attempt({spec("a", DType::kBlock, nullptr)}).code(), Code::kInvalidArgument);
  EXPECT_EQ(attempt({spec("a", DType::kU8, q4_0())}).code(), Code::kInvalidArgument);
  EXPECT_EQ(attempt({spec("a", static_cast<DType>(200), nullptr)}).code(), Code::kInvalidArgument);
  BlockType changed = *q4_0();
  changed.values = 16;
  const Status other = attempt({spec("a", DType::kBlock, q4_0()),
                                spec("b", DType::kBlock, std::make_shared<BlockType>(changed))});
  EXPECT_EQ(other.code(), Code::kInvalidArgument);
  EXPECT_NE(other.error().message.find("\"Q4_0\""), std::string::npos);
  changed.fields.clear();
  EXPECT_EQ(attempt({spec("a", DType::kBlock, std::make_shared<BlockType>(changed))}).code(),
            Code::kMalformed);
  TensorSpec scalar = spec("a", DType::kBlock, q4_0());
  scalar.shape = {};
  EXPECT_FALSE(attempt({scalar}).ok());
  TensorSpec huge = spec("a", DType::kBlock, q4_0());
  huge.shape = {std::uint64_t{1} << 60};
  EXPECT_EQ(attempt({huge}).code(), Code::kMalformed);
}

}  // namespace
}  // namespace bbz
