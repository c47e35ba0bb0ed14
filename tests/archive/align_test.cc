// Archives whose payloads are aligned, and the ids of archives.
#include "archive/sample.h"
#include "bbz/archive/stream.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz {
namespace {

TEST(Align, ThePayloadsOfLargeChunksAreAligned) {
  const std::vector<SampleFile> files = sample_files();
  for (const std::uint64_t alignment : {16u, 64u, 256u, 4096u}) {
    for (const bool front : {false, true}) {
      WriteOptions options;
      options.chunk_bytes = 300;
      options.alignment = alignment;
      const auto archive = write_sample(files, options, front);
      BBZ_ASSERT_OK(archive);
      const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
      BBZ_ASSERT_OK(reader);
      EXPECT_EQ(reader->catalog().header.alignment, alignment);
      std::size_t aligned = 0;
      for (const catalog::Chunk& chunk : reader->catalog().chunks) {
        if (chunk.payload.length < alignment) {
          EXPECT_EQ(chunk.payload.pad_length, 0u);
          continue;
        }
        EXPECT_EQ(chunk.payload.offset % alignment, 0u);
        ++aligned;
      }
      EXPECT_EQ(aligned == 0, alignment == 4096);
      Collector by_index;
      BBZ_ASSERT_OK(reader->visit_all(by_index));
      EXPECT_EQ(by_index.files, contents(files));
      Collector by_stream;
      const auto memory = io::memory_source(Bytes(*archive));
      io::SequentialSource pipe(*memory);
      BBZ_ASSERT_OK(read_stream(pipe, {}, by_stream));
      EXPECT_EQ(by_stream.files, contents(files));
    }
  }
}

TEST(Align, OnlyPowersOfTwoAreTaken) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  for (const std::uint64_t alignment : {1u, 8u, 17u, 48u, 4095u, 1u << 22}) {
    WriteOptions options;
    options.alignment = alignment;
    EXPECT_EQ(Writer::create(*sink, options).code(), Code::kInvalidArgument) << alignment;
  }
}

// A pad is part of the archive: who reads front to back checks it.
TEST(Align, APadThatIsNotZeroIsFound) {
  WriteOptions options;
  options.chunk_bytes = 300;
  options.alignment = 256;
  auto archive = *write_sample(sample_files(), options);
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  std::size_t pads = 0;
  for (const catalog::Chunk& chunk : reader->catalog().chunks) {
    for (std::uint32_t i = 1; i <= chunk.payload.pad_length; i += 17) {
      archive[chunk.payload.offset - i] ^= std::byte{1};
      Visitor nobody;
      EXPECT_EQ(read_stream(*io::memory_source(Bytes(archive)), {}, nobody).code(),
                Code::kMalformed);
      archive[chunk.payload.offset - i] ^= std::byte{1};
      ++pads;
    }
  }
  EXPECT_GT(pads, 0u);
}

TEST(Id, FollowsFromTheContentUnlessItIsGiven) {
  const auto id_of = [](const std::vector<SampleFile>& files, const WriteOptions& options) {
    const auto archive = write_sample(files, options);
    return Reader::open(io::memory_source(Bytes(*archive)))->catalog().header.id;
  };
  std::vector<SampleFile> files = sample_files();
  const std::uint64_t id = id_of(files, {});
  EXPECT_EQ(id_of(files, {}), id);
  WriteOptions threads;
  threads.threads = 3;
  EXPECT_EQ(id_of(files, threads), id);
  files[0].path += "x";
  EXPECT_NE(id_of(files, {}), id);
  files = sample_files();
  for (SampleTensor& tensor : files[0].tensors) tensor.bytes[0] ^= std::byte{1};
  EXPECT_NE(id_of(files, {}), id);
  WriteOptions given;
  given.id = 7;
  EXPECT_EQ(id_of(files, given), 7u);
}

// What is held back until the id is known is bounded, and comes out in order.
TEST(Id, ManyFilesWithoutAChunkAreNotHeldBack) {
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  auto writer = Writer::create(*sink);
  BBZ_ASSERT_OK(writer);
  const std::string folder(200, 'd');
  std::size_t held = 0;
  for (int i = 0; i < 1000; ++i) {
    BBZ_ASSERT_OK(writer->begin_file(folder + "/" + std::to_string(i)));
    BBZ_ASSERT_OK(writer->end_file());
    BBZ_ASSERT_OK(writer->drain());
    if (out.empty()) ++held;
  }
  EXPECT_GT(held, 100u);
  EXPECT_LT(held, 400u);
  BBZ_ASSERT_OK(writer->finish());
  const auto reader = Reader::open(io::memory_source(Bytes(out)));
  BBZ_ASSERT_OK(reader);
  EXPECT_EQ(reader->catalog().files.size(), 1000u);
}

}  // namespace
}  // namespace bbz
