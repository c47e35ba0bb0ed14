#include "bbz/access/view/archive_view.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <thread>

#include "archive/sample.h"
#include "ops/rotation/packed.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::view {
namespace {

// Reads of all kinds of sizes all over a file give the bytes that it has.
void expect_random_reads(FileView& file, Bytes expected, unsigned seed, int reads = 200) {
  std::mt19937 random(seed);
  for (int i = 0; i < reads; ++i) {
    const std::uint64_t offset = random() % (expected.size() + 1);
    const std::uint64_t most =
        i % 7 == 0 ? std::min<std::uint64_t>(expected.size(), 400'000) : 1 + random() % 200;
    std::vector<std::byte> out(random() % (most + 1));
    const auto n = file.read_at(offset, out);
    BBZ_ASSERT_OK(n);
    ASSERT_EQ(*n, std::min<std::uint64_t>(out.size(), expected.size() - offset));
    ASSERT_TRUE(std::ranges::equal(Bytes(out).first(*n), expected.subspan(offset, *n)))
        << *n << " bytes at " << offset;
  }
}

// A file of some tensors of BF16, whose chunks are 64 KiB each.
class OfALargeFile : public testing::Test {
 protected:
  static constexpr std::uint64_t kChunk = 64 << 10;
  static constexpr unsigned kTensors = 4;

  OfALargeFile() {
    SampleFile file{"model", catalog::FileKind::kRegular, {}};
    file.tensors.push_back(sample_bytes("header"));
    for (unsigned i = 0; i < kTensors; ++i) {
      SampleTensor t = sample_tensor("w" + std::to_string(i), DType::kBF16, {0, 1024}, 0);
      t.spec.shape[0] = 512;  // 16 chunks
      t.bytes.resize(16 * kChunk);
      std::uint32_t state = i;
      for (std::size_t at = 0; at < t.bytes.size(); at += 4) {
        state = state * 1664525 + 1013904223;
        std::memcpy(t.bytes.data() + at, &state, 4);
      }
      file.tensors.push_back(std::move(t));
    }
    expected_ = file.bytes();
    WriteOptions options;
    options.chunk_bytes = kChunk;
    archive_ = *write_sample({file}, options);
    memory_ = io::memory_source(Bytes(archive_));
    counting_ = std::make_shared<io::CountingSource>(*memory_);
    reader_ = *Reader::open(counting_);
    counting_->forget();
  }

  const catalog::Tensor& tensor(std::string_view name) const {
    return reader_->catalog().tensors[reader_->catalog().find_tensors(name).at(0)];
  }

  // Reads a range in steps, as the system asks for them.
  static void read_forward(FileView& file, std::uint64_t begin, std::uint64_t end,
                           std::uint64_t step = 128 << 10) {
    for (std::uint64_t at = begin; at < end; at += step) {
      std::vector<std::byte> out(std::min(step, end - at));
      BBZ_ASSERT_OK(file.read_at(at, out));
    }
  }

  std::vector<std::byte> expected_;
  std::vector<std::byte> archive_;
  std::unique_ptr<io::Source> memory_;
  std::shared_ptr<io::CountingSource> counting_;
  std::optional<Reader> reader_;
};

// Keeps what it is told will be read, and how much of that was not taken back.
class ToldSource final : public io::ForwardingSource {
 public:
  using ForwardingSource::ForwardingSource;

  std::unique_ptr<io::Prefetch> prefetch(std::span<const io::ByteRange> ranges) override {
    ++hints;
    told.insert(told.end(), ranges.begin(), ranges.end());
    return std::make_unique<Counted>(live);
  }

  std::vector<io::ByteRange> told;
  int hints = 0;
  int live = 0;

 private:
  struct Counted final : io::Prefetch {
    explicit Counted(int& number) : count(number) { ++count; }
    ~Counted() override { --count; }
    int& count;
  };
};

TEST_F(OfALargeFile, ASourceIsToldOfManyChunksAheadWithinTheTensor) {
  const auto source = std::make_shared<ToldSource>(*memory_);
  const auto reader = Reader::open(source);
  ArchiveView view(*reader, {8 << 20, 1});  // nothing is decoded ahead
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  source->told.clear();
  source->hints = 0;
  const catalog::Tensor& tensor = this->tensor("w1");
  read_forward(**file, tensor.meta.offset, tensor.meta.offset + 10 * kChunk);
  EXPECT_GE(source->hints, 1);
  EXPECT_LE(source->hints, 3);
  EXPECT_GT(source->live, 0);
  // Of all the chunks that follow the first reads, once, and of no other.
  const auto chunks = reader->catalog().chunks_of(tensor);
  ASSERT_GE(source->told.size(), 10u);
  ASSERT_LE(source->told.size(), 14u);
  for (std::size_t i = 0; i < source->told.size(); ++i) {
    const catalog::Payload& payload = chunks[chunks.size() - source->told.size() + i].payload;
    EXPECT_EQ(source->told[i], (io::ByteRange{payload.offset, payload.length})) << i;
  }
  // At the end of the tensor nothing is taken back, since a read before it may still be under way.
  const int live = source->live;
  std::vector<std::byte> out(10);
  BBZ_ASSERT_OK((*file)->read_at(tensor.meta.offset + tensor.byte_size - out.size(), out));
  EXPECT_EQ(source->live, live);
  // A read elsewhere takes it all back.
  BBZ_ASSERT_OK((*file)->read_at(0, out));
  EXPECT_EQ(source->live, 0);
}

TEST_F(OfALargeFile, ASourceIsNotToldOfWhatIsDecodedAlready) {
  const auto source = std::make_shared<ToldSource>(*memory_);
  const auto reader = Reader::open(source);
  ArchiveView view(*reader, {8 << 20, 1});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  const catalog::Tensor& tensor = this->tensor("w1");
  read_forward(**file, tensor.meta.offset, tensor.meta.offset + tensor.byte_size);
  EXPECT_GT(source->told.size(), 0u);
  std::vector<std::byte> elsewhere(10);
  BBZ_ASSERT_OK((*file)->read_at(expected_.size() - 10, elsewhere));
  source->told.clear();
  read_forward(**file, tensor.meta.offset, tensor.meta.offset + tensor.byte_size);
  EXPECT_EQ(source->told.size(), 0u);
}

// Reading forward again what is a little larger than the cache: each block goes just before its
// turn.
TEST_F(OfALargeFile, ASourceIsToldOfWhatWillHaveLeftTheCache) {
  const auto source = std::make_shared<ToldSource>(*memory_);
  const auto reader = Reader::open(source);
  ArchiveView view(*reader, {12 * kChunk, 1});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  const catalog::Tensor& tensor = this->tensor("w1");
  std::size_t told = 0;
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<std::byte> elsewhere(10);
    BBZ_ASSERT_OK((*file)->read_at(expected_.size() - 10, elsewhere));
    source->told.clear();
    read_forward(**file, tensor.meta.offset, tensor.meta.offset + tensor.byte_size);
    if (pass == 0) told = source->told.size();
    EXPECT_EQ(source->told.size(), told);
  }
}

TEST(ArchiveView, GivesTheBytesOfEveryFile) {
  const auto files = sample_files();
  WriteOptions options;
  options.chunk_bytes = 64;
  const auto archive = write_sample(files, options);
  const auto reader = Reader::open(io::memory_source(Bytes(*archive)));
  BBZ_ASSERT_OK(reader);
  for (const unsigned threads : {1u, 3u}) {
    for (const std::uint64_t cache : {0u, 300u, 1u << 20}) {
      ArchiveView view(*reader, {cache, threads});
      for (std::uint32_t number = 0; number < files.size(); ++number) {
        const auto file = view.open(number);
        if (files[number].kind == catalog::FileKind::kDirectory) {
          EXPECT_EQ(file.code(), Code::kInvalidArgument);
          continue;
        }
        BBZ_ASSERT_OK(file);
        EXPECT_EQ((*file)->size(), files[number].bytes().size());
        EXPECT_EQ((*file)->name(), files[number].path);
        expect_random_reads(**file, files[number].bytes(), number);
      }
      EXPECT_EQ(view.open(99).code(), Code::kInvalidArgument);
    }
  }
}

TEST(ArchiveView, GivesWhatUnpackingGivesOfRotatedModels) {
  const auto model =
      rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
  for (const auto method :
       {rotation::RequestedMethod::kBitsBack, rotation::RequestedMethod::kTriangular,
        rotation::RequestedMethod::kPolar}) {
    const auto packed = rotation::pack_file(model, method, DigestKind::kXxh3_128, 500);
    BBZ_ASSERT_OK(packed);
    const auto unpacked = rotation::unpack_by_index(packed->archive);
    BBZ_ASSERT_OK(unpacked);
    const auto reader = Reader::open(io::memory_source(Bytes(packed->archive)));
    BBZ_ASSERT_OK(reader);
    ArchiveView view(*reader, {20'000, 2});
    const auto file = view.open(0);
    BBZ_ASSERT_OK(file);
    expect_random_reads(**file, *unpacked, 1);
  }
}

TEST_F(OfALargeFile, PiecesAreInOrderAndStay) {
  ArchiveView view(*reader_, {0, 1});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  const auto pieces = (*file)->pieces(3, 300'000);
  BBZ_ASSERT_OK(pieces);
  EXPECT_EQ(pieces->size(), 6u);  // the header, and what 5 chunks have of it
  std::vector<std::byte> all;
  for (const FilePiece& piece : *pieces)
    all.insert(all.end(), piece.bytes.begin(), piece.bytes.end());
  EXPECT_TRUE(std::ranges::equal(all, Bytes(expected_).subspan(3, 300'000)));
  EXPECT_TRUE((*file)->pieces(expected_.size(), 10)->empty());
  EXPECT_TRUE((*file)->pieces(~std::uint64_t{0}, ~std::uint64_t{0})->empty());
  EXPECT_TRUE((*file)->pieces(0, 0)->empty());
}

TEST_F(OfALargeFile, ReadingOneTensorDecodesOnlyItsChunks) {
  for (const char* const name : {"w0", "w2"}) {
    ArchiveView view(*reader_, {16 << 20, 3});
    const auto file = view.open(0);
    BBZ_ASSERT_OK(file);
    const catalog::Tensor& wanted = tensor(name);
    counting_->forget();
    read_forward(**file, wanted.meta.offset, wanted.meta.offset + wanted.byte_size);
    EXPECT_EQ(view.counters().blocks_decoded, wanted.chunk_count) << name;
    EXPECT_EQ(view.counters().bytes_kept, wanted.byte_size);  // nor do others wait to be
    for (const catalog::Chunk& chunk : reader_->catalog().chunks) {
      const auto& payload = chunk.payload;
      EXPECT_EQ(counting_->touched(payload.offset, payload.offset + payload.length),
                chunk.meta.tensor == wanted.meta.number);
    }
  }
}

TEST_F(OfALargeFile, AReadDecodesOnlyTheChunksItNeeds) {
  ArchiveView view(*reader_, {16 << 20, 2});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  std::vector<std::byte> out(10);
  BBZ_ASSERT_OK((*file)->read_at(tensor("w2").meta.offset + 3 * kChunk - 5, out));
  EXPECT_EQ(view.counters().blocks_decoded, 2u);
  BBZ_ASSERT_OK((*file)->read_at(tensor("w2").meta.offset + 2 * kChunk, out));
  EXPECT_EQ(view.counters().blocks_decoded, 2u);
  EXPECT_EQ(view.counters().blocks_found, 1u);
}

TEST_F(OfALargeFile, ReadsAtRandomPlacesDecodeTheirChunksAloneIntoTheMemoryOfOthers) {
  constexpr std::uint64_t kRead = 4096;
  constexpr std::uint64_t kKept = 4;
  ArchiveView view(*reader_, {kKept * kChunk, 2});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  std::mt19937 random(11);
  std::uint64_t chunks = 0;  // that the reads touch
  for (int i = 0; i < 300; ++i) {
    // Far from the read before, so that no chunk but the header's is there still.
    const std::uint64_t tensor = static_cast<std::uint64_t>(i) % kTensors;
    const std::uint64_t within = random() % (16 * kChunk - kRead);
    const std::uint64_t offset = std::string_view("header").size() + tensor * 16 * kChunk + within;
    chunks += (within + kRead - 1) / kChunk - within / kChunk + 1;
    std::vector<std::byte> out(kRead);
    BBZ_ASSERT_OK((*file)->read_at(offset, out));
    ASSERT_TRUE(std::ranges::equal(out, Bytes(expected_).subspan(offset, kRead)));
  }
  const Counters counters = view.counters();
  EXPECT_EQ(counters.blocks_asked, chunks);
  EXPECT_LE(counters.blocks_decoded, chunks);
  EXPECT_EQ(counters.blocks_ahead, 0u);
  EXPECT_GT(counters.blocks_decoded, 200u);  // else this test shows nothing
  EXPECT_LE(counters.buffers_made, kKept + 1);
}

TEST_F(OfALargeFile, ReadingForwardDecodesAheadAndEveryChunkOnce) {
  ArchiveView view(*reader_, {16 << 20, 2});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  read_forward(**file, 0, kChunk * 8);
  while (view.counters().blocks_ahead == 0) std::this_thread::yield();
  read_forward(**file, kChunk * 8, expected_.size());
  const Counters counters = view.counters();
  EXPECT_EQ(counters.blocks_decoded, 1 + kTensors * 16);
  EXPECT_EQ(counters.bytes_decoded, expected_.size());
}

TEST_F(OfALargeFile, ManyReadersShareWhatIsDecoded) {
  ArchiveView view(*reader_, {16 << 20, 2});
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const auto file = view.open(0);
      BBZ_ASSERT_OK(file);
      expect_random_reads(**file, expected_, i, 30);
      read_forward(**file, 0, expected_.size(), 50'000 + 1000 * i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(view.counters().blocks_decoded, 1 + kTensors * 16);  // all fit
}

TEST_F(OfALargeFile, KeepsWithinItsCacheWhateverReadersDo) {
  constexpr std::uint64_t kCache = 20 * kChunk;
  constexpr unsigned kReaders = 4;
  ArchiveView view(*reader_, {kCache, 2});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, i] { expect_random_reads(**file, expected_, i, 50); });
  }
  for (std::thread& thread : threads) thread.join();
  read_forward(**file, 0, expected_.size());
  EXPECT_LE(view.counters().most_bytes_kept, kCache);
  EXPECT_GT(view.counters().most_bytes_kept, kCache / 2);
}

TEST_F(OfALargeFile, DamageFailsTheReadsThatComeToItAndNamesTheChunk) {
  const catalog::Tensor& hit = tensor("w1");
  archive_[reader_->catalog().chunks_of(hit)[4].payload.offset] ^= std::byte{1};
  ArchiveView view(*reader_, {16 << 20, 2});
  const auto file = view.open(0);
  BBZ_ASSERT_OK(file);
  std::vector<std::byte> out(100);
  const auto read = (*file)->read_at(hit.meta.offset + 4 * kChunk, out);
  EXPECT_EQ(read.code(), Code::kChecksum);
  EXPECT_NE(read.error().message.find("tensor \"w1\", chunk 4 at offset"), std::string::npos)
      << read.error().message;
  BBZ_ASSERT_OK((*file)->read_at(hit.meta.offset + 5 * kChunk, out));
  BBZ_ASSERT_OK((*file)->read_at(hit.meta.offset + 4 * kChunk - 100, out));
  // Reaching it from before, in small steps with prefetching, makes no difference.
  for (std::uint64_t at = 0; at < hit.meta.offset + 4 * kChunk - 1000; at += 1000) {
    BBZ_ASSERT_OK((*file)->read_at(at, out));
  }
  EXPECT_EQ((*file)->read_at(hit.meta.offset + 4 * kChunk - 50, out).code(), Code::kChecksum);
}

}  // namespace
}  // namespace bbz::view
