#include "bbz/access/push/decoder.h"

#include "access/push/archives.h"
#include "access/push/feeding.h"
#include "archive/sample.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

class DecoderOf : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    archive_ = GetParam().archive();
    ASSERT_FALSE(archive_.empty());
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    BBZ_ASSERT_OK(reader);
    expected_ = content_of(*reader);
    root_ = reader->root();
    for (const catalog::File& file : reader->catalog().files) files_.insert(file.path);
  }

  void check(const Decoder& decoder, const Collector& collector) const {
    EXPECT_EQ(collector.sorted(), expected_);
    EXPECT_EQ(collector.structures, 1);
    EXPECT_TRUE(collector.open.empty());
    EXPECT_EQ(collector.files, files_);
    EXPECT_TRUE(decoder.complete());
    EXPECT_EQ(decoder.root(), root_);
    EXPECT_EQ(decoder.total(), archive_.size());
    EXPECT_TRUE(decoder.needs().empty());
    EXPECT_TRUE(decoder.damages().empty());
    EXPECT_EQ(decoder.verified().ranges(), (std::vector<Interval>{{0, archive_.size()}}));
  }

  std::vector<std::byte> archive_;
  Content expected_;
  Digest root_;
  std::set<std::string> files_;
};
INSTANTIATE_TEST_SUITE_P(Archives, DecoderOf, testing::ValuesIn(archives()),
                         [](const auto& named) { return named.param.name; });

TEST_P(DecoderOf, HandsOutWhatTheReaderReadsHoweverItIsFed) {
  std::mt19937 random(7);
  for (const Way way : kWays) {
    for (const bool stored : {false, true}) {
      for (const bool total : {false, true}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(way) << stored << total);
        MemoryStore store;
        Options options;
        if (stored) options.store = &store;
        if (total) options.total = archive_.size();
        Collector collector;
        const auto decoder = *Decoder::create(options, collector);
        BBZ_ASSERT_OK(feed_all(*decoder, archive_, segments_of(way, archive_.size(), random)));
        BBZ_ASSERT_OK(decoder->finish());
        check(*decoder, collector);
        if (stored) {
          EXPECT_EQ(store.bytes, archive_);
        }
      }
    }
  }
}

// Fetching the ranges that needs() names leads to the end.
TEST_P(DecoderOf, NamesWhatItNeeds) {
  for (const bool first : {false, true}) {
    Options options;
    MemoryStore store;
    options.store = &store;
    options.total = archive_.size();
    options.structure_first = first;
    Collector collector;
    const auto decoder = *Decoder::create(options, collector);
    std::uint64_t fed = 0;
    while (true) {
      const auto needs = decoder->needs(1);
      if (needs.empty()) break;
      // At most 1000 bytes a request, as a cautious transport asks for them.
      const std::uint64_t size = std::min<std::uint64_t>(needs[0].size(), 1000);
      BBZ_ASSERT_OK(decoder->feed(needs[0].begin, Bytes(archive_).subspan(needs[0].begin, size)));
      fed += size;
    }
    BBZ_ASSERT_OK(decoder->finish());
    EXPECT_EQ(fed, archive_.size());
    check(*decoder, collector);
  }
}

TEST_P(DecoderOf, NamesFlippedBitsAndTakesThemAgain) {
  std::mt19937 random(3);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    std::vector<std::byte> damaged = archive_;
    std::set<std::uint64_t> flipped;
    for (int i = 0; i < 1 + round % 4; ++i) {
      const std::uint64_t at = random() % archive_.size();
      if (flipped.insert(at).second) damaged[at] ^= std::byte{1} << (random() % 8);
    }
    MemoryStore store;
    Options options;
    if (round % 3 != 0) options.store = &store;
    if (round % 2 != 0) options.total = archive_.size();
    Collector collector;
    const auto decoder = *Decoder::create(options, collector);
    const Way way = kWays[round % std::size(kWays)];
    BBZ_ASSERT_OK(feed_all(*decoder, damaged, segments_of(way, archive_.size(), random)));
    EXPECT_FALSE(decoder->complete());
    EXPECT_FALSE(decoder->finish().ok());
    BBZ_ASSERT_OK(decoder->set_total(archive_.size()));
    // Each pass fetches what is missing; damage may hide what follows it until it is repaired.
    std::uint64_t fetched = 0;
    for (std::size_t pass = 0; !decoder->complete(); ++pass) {
      ASSERT_LT(pass, 3 * flipped.size() + 8);
      const auto needs = decoder->needs(SIZE_MAX);
      ASSERT_FALSE(needs.empty());
      for (const Interval& range : needs) {
        fetched += range.size();
        BBZ_ASSERT_OK(
            decoder->feed(range.begin, Bytes(archive_).subspan(range.begin, range.size())));
      }
    }
    check(*decoder, collector);
    EXPECT_LT(fetched, archive_.size());
  }
}

// The length that the trailer tells may itself be what is wrong.
TEST(Adopt, BeyondALengthThatTheTrailerToldIsFinal) {
  const auto archive = *write_sample(sample_files(), {});
  const std::uint64_t size = archive.size();
  for (const bool declared : {false, true}) {
    Receiver receiver;
    MemoryStore store;
    Options options;
    options.store = &store;
    if (declared) options.total = size;
    const auto decoder = *Decoder::create(options, receiver);
    BBZ_ASSERT_OK(decoder->feed(0, archive));
    EXPECT_EQ(decoder->adopt({size, size + 1}).code(),
              declared ? Code::kInvalidArgument : Code::kMalformed);
    EXPECT_EQ(decoder->failure().code(), declared ? Code::kOk : Code::kMalformed);
    EXPECT_EQ(decoder->finish().code(), declared ? Code::kOk : Code::kMalformed);
  }
}

}  // namespace
}  // namespace bbz::push
