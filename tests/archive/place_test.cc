#include "archive/sample.h"
#include "bbz/io/atomic_file.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz {
namespace {

Result<Reader> open_sample(const std::vector<std::byte>& archive, unsigned threads) {
  ReadOptions read;
  read.threads = threads;
  return Reader::open(io::memory_source(Bytes(archive)), read);
}

std::vector<std::byte> small_chunks() {
  WriteOptions options;
  options.chunk_bytes = 64;
  return write_sample(sample_files(), options).value();
}

// The tensors of the sample's model, in its order and behind `begin` bytes, or the other way round.
std::vector<Placement> placements(const Reader& reader, std::uint64_t begin, bool reversed) {
  const auto& tensors = reader.catalog().tensors;
  std::vector<Placement> all;
  for (const std::uint32_t number : reader.catalog().files[3].tensors) {
    all.push_back({number, begin + tensors[number].meta.offset});
  }
  if (reversed) std::ranges::reverse(all);
  return all;
}

TEST(PlaceTensors, PutsEveryTensorInItsPlace) {
  const auto archive = small_chunks();
  const auto bytes = sample_files()[3].bytes();
  const std::string model(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const unsigned threads : {1u, 2u, 5u}) {
    for (const bool reversed : {false, true}) {
      const auto reader = open_sample(archive, threads);
      const io::TempDir dir;
      const auto file = io::AtomicFile::create(dir / "out", {}).value();
      BBZ_ASSERT_OK(file->write(std::as_bytes(std::span("head", 4))));
      BBZ_ASSERT_OK(file->reserve(4 + model.size()));
      std::vector<std::uint64_t> done;
      BBZ_ASSERT_OK(reader->place_tensors(placements(*reader, 4, reversed), *file,
                                          [&](std::uint64_t now) { done.push_back(now); }));
      BBZ_ASSERT_OK(file->write(std::as_bytes(std::span("tail", 4))));
      BBZ_ASSERT_OK(file->finish());
      EXPECT_TRUE(io::read_text(dir / "out") == "head" + model + "tail") << threads << reversed;
      EXPECT_TRUE(std::ranges::is_sorted(done));
      ASSERT_FALSE(done.empty());
      EXPECT_EQ(done.back(), model.size());
    }
  }
}

TEST(PlaceTensors, NamesTheDamagedChunk) {
  auto archive = small_chunks();
  std::uint64_t chunk = 0;
  {
    const auto reader = open_sample(archive, 1);
    const auto& catalog = reader->catalog();
    const auto& tensor = catalog.tensors[catalog.find_tensors("layers.0.w").at(0)];
    chunk = catalog.chunks_of(tensor)[2].payload.offset;
  }
  archive[chunk + 3] ^= std::byte{1};
  for (const unsigned threads : {1u, 3u}) {
    const auto reader = open_sample(archive, threads);
    const io::TempDir dir;
    const auto file = io::AtomicFile::create(dir / "out", {}).value();
    BBZ_ASSERT_OK(file->reserve(sample_files()[3].bytes().size()));
    const Status status = reader->place_tensors(placements(*reader, 0, false), *file);
    ASSERT_EQ(status.code(), Code::kChecksum);
    EXPECT_TRUE(status.error().message.starts_with("tensor \"layers.0.w\", chunk 2 at offset " +
                                                   std::to_string(chunk) + ": payload check "))
        << status.error().message;
  }
}

TEST(PlaceTensors, RefusesWhatCannotBePlaced) {
  const auto archive = small_chunks();
  const auto reader = open_sample(archive, 2);
  std::vector<std::byte> out;
  const auto memory = io::memory_sink(out);
  EXPECT_EQ(reader->place_tensors(placements(*reader, 0, false), *memory).code(),
            Code::kUnsupported);

  const io::TempDir dir;
  const auto file = io::AtomicFile::create(dir / "out", {}).value();
  const Placement nowhere[] = {{99, 0}};
  EXPECT_EQ(reader->place_tensors(nowhere, *file).code(), Code::kInvalidArgument);
  // Beyond what was reserved.
  EXPECT_EQ(reader->place_tensors(placements(*reader, 0, false), *file).code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace bbz
