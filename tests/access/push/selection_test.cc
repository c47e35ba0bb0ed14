// Only a part of an archive, and what a decoder refuses.
#include "access/push/archives.h"
#include "access/push/feeding.h"
#include "archive/sample.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

class PartOf : public testing::TestWithParam<Named> {};
INSTANTIATE_TEST_SUITE_P(Archives, PartOf, testing::ValuesIn(archives()),
                         [](const auto& named) { return named.param.name; });

TEST_P(PartOf, FetchesALayerAndNothingElse) {
  const auto archive = GetParam().archive();
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  const catalog::Catalog& catalog = reader->catalog();
  const bool front = catalog.header.index_first();
  const catalog::Payload& last = catalog.chunks.back().payload;
  for (const std::uint32_t layer : {0u, 1u}) {
    for (const bool stored : {false, true}) {
      MemoryStore store;
      Options options;
      if (stored) options.store = &store;
      options.total = archive.size();
      options.only_wanted = true;
      options.wants = [&](const catalog::File&, const catalog::Tensor& tensor) {
        return tensor.meta.layer == layer;
      };
      Collector collector;
      const auto decoder = *Decoder::create(options, collector);
      std::uint64_t index = 0;
      std::uint64_t payloads = 0;
      while (true) {
        const auto needs = decoder->needs(3);
        if (needs.empty()) break;
        for (const Interval& range : needs) {
          (collector.structures == 0 ? index : payloads) += range.size();
          BBZ_ASSERT_OK(
              decoder->feed(range.begin, Bytes(archive).subspan(range.begin, range.size())));
        }
      }
      EXPECT_TRUE(decoder->complete());
      BBZ_ASSERT_OK(decoder->finish());
      // Header and index, and no more than a few records beside them; then the payloads of the
      // plan.
      EXPECT_LE(index,
                front ? catalog.metadata[0].payload.offset
                      : container::kFileHeaderSize + archive.size() - (last.offset + last.length));
      plan::Planner planner(catalog);
      const auto plan = plan::complete_plan(
          planner, catalog, *plan::layer(catalog, layer), {},
          [&](const catalog::Group& group) { return reader->read_payload(group); });
      BBZ_ASSERT_OK(plan);
      EXPECT_EQ(payloads, plan->piece_bytes());
      for (const catalog::Tensor& tensor : catalog.tensors) {
        const std::uint32_t number = tensor.meta.number;
        const bool wanted = tensor.meta.layer == layer && !tensor.is_operand();
        ASSERT_EQ(collector.content.tensors.contains(number), wanted);
        if (!wanted) continue;
        std::vector<std::byte> expected(tensor.byte_size);
        BBZ_ASSERT_OK(reader->read_tensor(number, expected));
        EXPECT_EQ(collector.content.tensors.at(number), expected);
      }
    }
  }
}

// In order, no memory is needed beyond the current record.
TEST_P(PartOf, NeedsNoRoomInOrder) {
  const auto archive = GetParam().archive();
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  Options options;
  options.memory = 0;
  Collector collector;
  const auto decoder = *Decoder::create(options, collector);
  std::mt19937 random(5);
  BBZ_ASSERT_OK(feed_all(*decoder, archive, cut(archive.size(), 0, random)));
  BBZ_ASSERT_OK(decoder->finish());
  EXPECT_EQ(collector.sorted(), content_of(*reader));
}

class Refusals : public testing::Test {
 protected:
  const std::vector<std::byte> archive_ = *write_sample(sample_files(), {});
  Receiver receiver_;
};

TEST_F(Refusals, BytesBeyondTheEndOrOutOfRoom) {
  Options options;
  options.total = archive_.size();
  options.memory = 0;
  const auto decoder = *Decoder::create(options, receiver_);
  const Bytes archive = archive_;
  EXPECT_EQ(decoder->feed(UINT64_MAX, archive).code(), Code::kInvalidArgument);
  EXPECT_EQ(decoder->feed(1, archive).code(), Code::kInvalidArgument);
  EXPECT_EQ(decoder->feed(5, archive.subspan(5, 10)).code(), Code::kLimit);
  EXPECT_EQ(decoder->there().count(), 0u);
  EXPECT_EQ(decoder->set_total(1).code(), Code::kInvalidArgument);
  BBZ_ASSERT_OK(decoder->failure());
  BBZ_ASSERT_OK(decoder->feed(0, archive));
  BBZ_ASSERT_OK(decoder->finish());
  EXPECT_EQ(decoder->feed(archive.size(), archive.first(1)).code(), Code::kInvalidArgument);
}

TEST_F(Refusals, BytesAfterTheTrailer) {
  std::vector<std::byte> longer = archive_;
  longer.push_back({});
  for (const std::size_t size : {longer.size(), std::size_t{1}}) {
    const auto decoder = *Decoder::create({}, receiver_);
    std::mt19937 random;
    EXPECT_EQ(feed_all(*decoder, longer, cut(longer.size(), size, random)).code(),
              Code::kMalformed);
    EXPECT_EQ(decoder->finish().code(), Code::kMalformed);
    EXPECT_TRUE(decoder->needs().empty());
  }
}

TEST_F(Refusals, AnArchiveThatIsTooShortForItsHeader) {
  for (std::size_t size = 0; size < 32; ++size) {
    Options options;
    options.total = size;
    const auto decoder = *Decoder::create(options, receiver_);
    const Status fed = decoder->feed(0, Bytes(archive_).first(size));
    EXPECT_EQ(size == 0 ? decoder->finish().code() : fed.code(),
              size == 0 ? Code::kNotAnArchive : Code::kTruncated);
  }
}

TEST_F(Refusals, TooManyRanges) {
  Options options;
  options.most_ranges = 10;
  const auto decoder = *Decoder::create(options, receiver_);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    BBZ_ASSERT_OK(decoder->feed(2 * i, Bytes(archive_).subspan(2 * i, 1)));
  }
  EXPECT_EQ(decoder->feed(50, Bytes(archive_).subspan(50, 1)).code(), Code::kLimit);
  BBZ_ASSERT_OK(decoder->feed(3, Bytes(archive_).subspan(3, 1)));
  BBZ_ASSERT_OK(decoder->feed(0, archive_));
  BBZ_ASSERT_OK(decoder->finish());
}

// An error of a store or a receiver is returned to the caller.
struct FullStore : MemoryStore {
  Status write(std::uint64_t offset, Bytes part) override {
    if (full) return error_with_message(Code::kIo, "disk full");
    return MemoryStore::write(offset, part);
  }
  bool full = true;
};
struct Cancelling : Receiver {
  Status end_tensor(const catalog::Tensor&) override {
    return error_with_message(Code::kCancelled, "enough");
  }
};

TEST_F(Refusals, AFullStoreCanBeTriedAgainAndACancelledDecodingNot) {
  FullStore store;
  Options options;
  options.store = &store;
  const auto decoder = *Decoder::create(options, receiver_);
  EXPECT_EQ(decoder->feed(0, archive_).code(), Code::kIo);
  EXPECT_EQ(decoder->finish().code(), Code::kNotAnArchive);
  store.full = false;
  BBZ_ASSERT_OK(decoder->feed(0, archive_));
  BBZ_ASSERT_OK(decoder->finish());

  Cancelling cancelling;
  const auto cancelled = *Decoder::create({}, cancelling);
  EXPECT_EQ(cancelled->feed(0, archive_).code(), Code::kCancelled);
  EXPECT_EQ(cancelled->feed(0, archive_).code(), Code::kCancelled);
  EXPECT_EQ(cancelled->finish().code(), Code::kCancelled);
}

// Bytes that were ignored, because they were there, are taken after all if those were damaged.
TEST_F(Refusals, ASegmentRepairsWhatItRepeats) {
  std::vector<std::byte> damaged(archive_.begin(), archive_.begin() + 20);
  damaged[10] ^= std::byte{1};
  const auto decoder = *Decoder::create({}, receiver_);
  BBZ_ASSERT_OK(decoder->feed(0, damaged));
  BBZ_ASSERT_OK(decoder->feed(0, archive_));
  BBZ_ASSERT_OK(decoder->finish());
}

// A server that goes on sending the wrong bytes is seen to.
TEST_F(Refusals, CountsHowOftenARangeWasDamaged) {
  std::vector<std::byte> damaged = archive_;
  damaged[10] ^= std::byte{1};
  const auto decoder = *Decoder::create({}, receiver_);
  for (std::uint32_t i = 1; i <= 3; ++i) {
    BBZ_ASSERT_OK(decoder->feed(0, damaged));
    const auto damages = decoder->damages();
    ASSERT_EQ(damages.size(), 1u);
    EXPECT_EQ(damages[0].range, (Interval{0, 32}));
    EXPECT_EQ(damages[0].times, i);
    EXPECT_EQ(damages[0].error.code, Code::kChecksum);
  }
  EXPECT_EQ(decoder->finish().code(), Code::kChecksum);
}

TEST_F(Refusals, FindsTheFirstRangeThatWasDamagedSoOften) {
  const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
  BBZ_ASSERT_OK(reader);
  const auto& chunks = reader->catalog().chunks;
  ASSERT_GT(chunks.size(), 3u);
  std::vector<std::byte> damaged = archive_;
  for (const catalog::Chunk& chunk : chunks) damaged[chunk.payload.offset] ^= std::byte{1};
  const auto decoder = *Decoder::create({}, receiver_);
  EXPECT_EQ(decoder->damage_count(), 0u);
  EXPECT_EQ(decoder->first_damage(), nullptr);
  BBZ_ASSERT_OK(decoder->feed(0, damaged));
  for (const std::size_t again : {2, 1, 2}) {
    const catalog::Payload& payload = chunks[again].payload;
    BBZ_ASSERT_OK(
        decoder->feed(payload.offset, Bytes(damaged).subspan(payload.offset, payload.length)));
  }
  EXPECT_EQ(decoder->damage_count(), chunks.size());
  for (std::uint32_t times = 1; times <= 3; ++times) {
    ASSERT_NE(decoder->first_damage(times), nullptr);
    EXPECT_EQ(decoder->first_damage(times)->range.begin, chunks[times - 1].payload.offset);
    EXPECT_EQ(decoder->first_damage(times)->times, times);
  }
  EXPECT_EQ(decoder->first_damage(4), nullptr);
}

}  // namespace
}  // namespace bbz::push
