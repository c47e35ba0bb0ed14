#include <thread>

#include "archive/sample.h"
#include "bbz/base/wire.h"
#include "bbz/format/container/constants.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz {
namespace {

std::uint32_t number_of(const Reader& reader, std::string_view name) {
  return reader.catalog().find_tensors(name).at(0);
}

TEST(Reader, ReadsTensorsElementsAndFileRanges) {
  const auto files = sample_files();
  WriteOptions options;
  options.chunk_bytes = 64;
  const auto archive = write_sample(files, options);
  BBZ_ASSERT_OK(archive);
  for (const unsigned threads : {1u, 3u}) {
    ReadOptions read;
    read.threads = threads;
    const auto opened = Reader::open(io::memory_source(Bytes(*archive)), read);
    BBZ_ASSERT_OK(opened);
    const Reader& reader = *opened;
    for (const SampleFile& file : files) {
      for (const SampleTensor& t : file.tensors) {
        if (t.spec.kind != catalog::TensorKind::kTensor) continue;
        std::vector<std::byte> out(t.bytes.size());
        BBZ_ASSERT_OK(reader.read_tensor(number_of(reader, t.spec.name), out));
        EXPECT_EQ(out, t.bytes) << t.spec.name;
      }
    }
    const auto& embed = files[3].tensors[1].bytes;
    for (std::uint64_t first = 0; first <= 63; ++first) {
      for (std::uint64_t count = 0; first + count <= 63; count += 5) {
        std::vector<std::byte> out(count * 4);
        BBZ_ASSERT_OK(reader.read_elements(number_of(reader, "embed"), first, count, out));
        EXPECT_TRUE(std::ranges::equal(out, Bytes(embed).subspan(first * 4, count * 4)));
      }
    }
    const auto model = files[3].bytes();
    for (std::uint64_t at = 0; at < model.size(); at += 41) {
      std::vector<std::byte> out(std::min<std::size_t>(300, model.size() - at));
      BBZ_ASSERT_OK(reader.read_file(3, at, out));
      EXPECT_TRUE(std::ranges::equal(out, Bytes(model).subspan(at, out.size())));
    }
  }
}

TEST(Reader, RefusesRangesThatAreNotThere) {
  const auto archive = write_sample(sample_files(), {});
  const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
  BBZ_ASSERT_OK(reader);
  std::vector<std::byte> out(8);
  const std::uint64_t max = ~std::uint64_t{0};
  EXPECT_EQ(reader->read_tensor(1, out).code(), Code::kInvalidArgument);
  EXPECT_EQ(reader->read_tensor(99, out).code(), Code::kInvalidArgument);
  EXPECT_EQ(reader->read_bytes(1, max, out).code(), Code::kInvalidArgument);
  EXPECT_EQ(reader->read_elements(1, max, 2, out).code(), Code::kInvalidArgument);
  EXPECT_EQ(reader->read_elements(1, 0, max, out).code(), Code::kInvalidArgument);
  EXPECT_EQ(reader->read_file(0, max, out).code(), Code::kInvalidArgument);
  EXPECT_EQ(reader->read_file(9, 0, out).code(), Code::kInvalidArgument);
}

TEST(Reader, ALayerOfTenThousandTensorsTouchesTrailerIndexAndItsOwnChunks) {
  SampleFile file{"model", catalog::FileKind::kRegular, {}};
  for (unsigned i = 0; i < 10'000; ++i) {
    file.tensors.push_back(
        sample_tensor("layers." + std::to_string(i / 100) + ".w" + std::to_string(i), DType::kU8,
                      {40}, i, i / 100));
  }
  const auto archive = write_sample({file}, {});
  BBZ_ASSERT_OK(archive);
  const auto memory = io::memory_source(Bytes(*archive));
  auto counting = std::make_shared<io::CountingSource>(*memory);
  const auto reader = Reader::open(counting);
  BBZ_ASSERT_OK(reader);
  const catalog::Catalog& catalog = reader->catalog();
  ASSERT_EQ(catalog.tensors.size(), 10'000u);

  // Opening: the file header, and everything from the index on.
  const catalog::Payload& last = catalog.chunks.back().payload;
  for (const auto& [begin, end] : counting->ranges()) {
    EXPECT_TRUE(end <= container::kFileHeaderSize || begin >= last.offset + last.length);
  }

  counting->forget();
  std::vector<std::uint32_t> layer;
  for (const catalog::Tensor& t : catalog.tensors) {
    if (t.meta.layer == 42) layer.push_back(t.meta.number);
  }
  ASSERT_EQ(layer.size(), 100u);
  Collector collector;
  BBZ_ASSERT_OK(collector.begin_file(catalog.files[0]));
  BBZ_ASSERT_OK(reader->visit_tensors(layer, collector));
  std::set<std::pair<std::uint64_t, std::uint64_t>> expected;
  for (const std::uint32_t number : layer) {
    for (const catalog::Chunk& chunk : catalog.chunks_of(catalog.tensors[number])) {
      expected.emplace(chunk.payload.offset, chunk.payload.offset + chunk.payload.length);
    }
  }
  const auto ranges = counting->ranges();
  EXPECT_EQ(std::set(ranges.begin(), ranges.end()), expected);
  EXPECT_EQ(ranges.size(), expected.size());
}

TEST(Reader, IsSafeToUseFromManyThreads) {
  const auto files = sample_files();
  WriteOptions options;
  options.chunk_bytes = 32;
  const auto archive = write_sample(files, options);
  ReadOptions read;
  read.threads = 2;
  const auto opened = Reader::open(io::memory_source(Bytes(*archive)), read);
  BBZ_ASSERT_OK(opened);
  const auto& expected = files[3].tensors[2].bytes;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) {
        std::vector<std::byte> out(expected.size());
        if (!opened->read_tensor(number_of(*opened, "layers.0.w"), out).ok() || out != expected) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

// A trailer whose own checksum is right and whose root digest is that of another content.
TEST(Reader, RefusesARootDigestOfOtherContent) {
  for (const DigestKind kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    WriteOptions options;
    options.digest = kind;
    auto archive = write_sample(sample_files(), options);
    BBZ_ASSERT_OK(archive);
    const std::size_t begin = archive->size() - container::kTrailerSize;
    const MutableBytes trailer = MutableBytes(*archive).subspan(begin);
    trailer[container::kTrailerSize - 32] ^= std::byte{1};  // the first byte of the digest
    // The seal is the sync bytes and the check of what follows, with the id of the archive.
    const auto id = load_le<std::uint64_t>(archive->data() + 16);
    store_le(trailer.data() + 3, check32(trailer.subspan(7), id));
    const auto opened = Reader::open(io::memory_source(Bytes(*archive)));
    ASSERT_EQ(opened.code(), Code::kChecksum);
    EXPECT_NE(opened.error().message.find("trailer: root digest"), std::string::npos);
    const auto source = io::memory_source(Bytes(*archive));
    Collector collector;
    const auto read = read_stream(*source, {}, collector);
    ASSERT_EQ(read.code(), Code::kChecksum);
    EXPECT_NE(read.error().message.find("trailer: root digest"), std::string::npos);
  }
}

TEST(Reader, WorksOverShortReadsAndReportsFailingOnes) {
  const auto archive = write_sample(sample_files(), {});
  const auto memory = io::memory_source(Bytes(*archive));
  io::ShortReadSource shorts(*memory, 3);
  Collector collector;
  BBZ_ASSERT_OK(read_stream(shorts, {}, collector));
  EXPECT_EQ(collector.files, contents(sample_files()));
  for (std::uint64_t at = 0; at < archive->size(); at += 61) {
    io::FailingSource failing(*memory, at);
    Collector ignored;
    EXPECT_EQ(read_stream(failing, {}, ignored).code(), Code::kIo) << at;
    EXPECT_EQ(Reader::open(std::make_shared<io::FailingSource>(*memory, at)).code(), Code::kIo)
        << at;
  }
}

}  // namespace
}  // namespace bbz
