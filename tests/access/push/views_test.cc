// Views, in every order in which their records and their bases can come.
#include "access/push/feeding.h"
#include "archive/viewing.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

class Views : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    archive_ = write_viewed(DigestKind::kXxh3_128, GetParam());
    auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    BBZ_ASSERT_OK(reader);
    reader_.emplace(std::move(reader).value());
  }

  std::uint32_t number_of(const std::string& name) const { return *reader_->find_tensor(name); }

  // Feeds the archive in all ways, and calls `check` with what was passed on.
  template <class Check>
  void in_all_ways(bool stored, const std::function<bool(const catalog::Tensor&)>& wants,
                   Check&& check) {
    std::mt19937 random(1);
    for (const bool total : {false, true}) {
      SCOPED_TRACE(total);
      Options options;
      if (total) options.total = archive_.size();
      options.wants = [&](const catalog::File&, const catalog::Tensor& tensor) {
        return wants(tensor);
      };
      feed_in_all_ways(archive_, options, stored, random, check);
      if (HasFailure()) return;
    }
  }

  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
};
INSTANTIATE_TEST_SUITE_P(Index, Views, testing::Bool(),
                         [](const auto& front) { return front.param ? "front" : "end"; });

TEST_P(Views, ComeWithTheirBases) {
  const auto all = [](const catalog::Tensor&) { return true; };
  for (const bool stored : {false, true}) {
    in_all_ways(stored, all, [&](const Collector& collector) {
      EXPECT_EQ(collector.content, content_of(*reader_));
      EXPECT_EQ(collector.files.size(), 1u);
      EXPECT_EQ(collector.recalls == 0, stored);
    });
  }
}

TEST_P(Views, ComeAloneFromAStoreOnly) {
  for (const SampleView& view : expected_views()) {
    SCOPED_TRACE(view.name);
    const auto alone = [&](const catalog::Tensor& tensor) { return tensor.meta.name == view.name; };
    const std::uint32_t number = number_of(view.name);
    in_all_ways(true, alone, [&](const Collector& collector) {
      ASSERT_EQ(collector.content.tensors.size(), 1u);
      EXPECT_TRUE(collector.content.tensors.at(number) == view.bytes);
    });
    in_all_ways(false, alone, [&](const Collector& collector) {
      if (view.bytes.empty()) {
        EXPECT_TRUE(collector.content.tensors.contains(number));
      } else {
        EXPECT_EQ(collector.content.failed.at(number), Code::kUnsupported);
      }
    });
  }
}

TEST_P(Views, AreNotPassedToWhoGetsTheFiles) {
  Collector collector;
  const auto decoder = *Decoder::create({}, collector);
  BBZ_ASSERT_OK(decoder->feed(0, archive_));
  BBZ_ASSERT_OK(decoder->finish());
  EXPECT_EQ(collector.content.tensors.size(), reader_->catalog().files[0].tensors.size());
  EXPECT_EQ(collector.files.size(), 1u);
}

// What is asked for is the chunks that the view needs, and no others.
TEST_P(Views, AskForTheChunksThatTheyNeed) {
  MemoryStore store;
  Options options;
  options.store = &store;
  options.total = archive_.size();
  options.only_wanted = true;
  options.wants = [&](const catalog::File&, const catalog::Tensor& tensor) {
    return tensor.meta.name == "layers.3.rows";
  };
  Collector collector;
  const auto decoder = *Decoder::create(options, collector);
  for (int i = 0; i < 100 && !decoder->complete(); ++i) {
    for (const Interval& need : decoder->needs()) {
      BBZ_ASSERT_OK(decoder->feed(need.begin, Bytes(archive_).subspan(need.begin, need.size())));
    }
  }
  ASSERT_TRUE(decoder->complete());
  EXPECT_TRUE(collector.content.tensors.at(number_of("layers.3.rows")) ==
              expected_views()[2].bytes);
  const catalog::Catalog& catalog = reader_->catalog();
  const catalog::Tensor& w = catalog.tensors[1];
  ASSERT_EQ(w.chunk_count, 3u);
  const auto there = [&](std::uint64_t chunk) {
    const catalog::Payload& payload = catalog.chunks[w.first_chunk + chunk].payload;
    return decoder->verified().covers({payload.offset, payload.offset + payload.length});
  };
  EXPECT_FALSE(there(0));
  EXPECT_FALSE(there(1));
  EXPECT_TRUE(there(2));  // rows 40 and 41
}

}  // namespace
}  // namespace bbz::push
