// Chunks that repeat others (codec same), in every order in which their bytes and those of the chunks
// that they repeat can come.
#include "access/push/archives.h"
#include "access/push/feeding.h"
#include "archive/sample.h"
#include "format/container/raw_archive.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

// A file of three tensors of one chunk, each with the same bytes, but for the last: only the first and
// the last are stored.
class Repeats : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    SampleFile file{"file", catalog::FileKind::kRegular, {}};
    for (const char* const name : {"first", "again", "other"}) {
      const unsigned seed = name == std::string_view("other") ? 2 : 1;
      file.tensors.push_back(sample_tensor(name, DType::kU8, {200}, seed));
    }
    archive_ = *write_sample({file}, {}, GetParam());
    const auto reader = Reader::open(io::memory_source(Bytes(archive_)));
    BBZ_ASSERT_OK(reader);
    const catalog::Catalog& catalog = reader->catalog();
    ASSERT_EQ(catalog.chunks.size(), 3u);
    ASSERT_EQ(catalog.chunks[1].same_as, std::uint64_t{0});
    repeated_ = catalog.chunks[0].payload;
    expected_ = content_of(*reader);
    const std::uint64_t after = catalog.chunks[2].payload.record().offset;
    // Before the payload that is repeated; that; the record that repeats it; the rest in two parts.
    const std::uint64_t end = repeated_.offset + repeated_.length;
    const std::uint64_t cuts[] = {
        0, repeated_.record().offset, repeated_.offset, end, after, after + 100, archive_.size()};
    for (std::size_t i = 0; i + 1 < std::size(cuts); ++i) {
      segments_.push_back({cuts[i], cuts[i + 1] - cuts[i]});
    }
  }

  Bytes bytes_of(const Segment& s) const { return Bytes(archive_).subspan(s.offset, s.size); }

  // Calls `run` with the segments in each order.
  template <class Run>
  void in_every_order(Run&& run) {
    std::vector<std::size_t> order(segments_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    do {
      std::vector<Segment> segments;
      std::string trace;
      for (const std::size_t i : order) {
        segments.push_back(segments_[i]);
        trace += std::to_string(i);
      }
      SCOPED_TRACE(trace);
      run(segments);
      if (HasFailure()) return;
    } while (std::ranges::next_permutation(order).found);
  }

  std::vector<std::byte> archive_;
  catalog::Payload repeated_;
  Content expected_;
  std::vector<Segment> segments_;
};
INSTANTIATE_TEST_SUITE_P(Index, Repeats, testing::Bool(),
                         [](const auto& front) { return front.param ? "front" : "end"; });

TEST_P(Repeats, ComeInEveryOrder) {
  int recalls = 0;
  in_every_order([&](const std::vector<Segment>& segments) {
    for (const bool stored : {false, true}) {
      for (const bool total : {false, true}) {
        MemoryStore store;
        Options options;
        if (stored) options.store = &store;
        if (total) options.total = archive_.size();
        Collector collector;
        const auto decoder = *Decoder::create(options, collector);
        BBZ_ASSERT_OK(feed_all(*decoder, archive_, segments));
        BBZ_ASSERT_OK(decoder->finish());
        ASSERT_EQ(collector.content, expected_);
        ASSERT_EQ(collector.files.size(), 1u);
        if (stored) {
          ASSERT_EQ(collector.recalls, 0);
        }
        recalls += collector.recalls;
      }
    }
  });
  EXPECT_EQ(recalls > 0, !GetParam());  // an index at the front tells before any payload comes
}

TEST_P(Repeats, ComeByteByByte) {
  std::mt19937 random(1);
  for (const bool stored : {false, true}) {
    MemoryStore store;
    Options options;
    options.memory = 0;
    if (stored) options.store = &store;
    Collector collector;
    const auto decoder = *Decoder::create(options, collector);
    BBZ_ASSERT_OK(feed_all(*decoder, archive_, cut(archive_.size(), 1, random)));
    BBZ_ASSERT_OK(decoder->finish());
    EXPECT_EQ(collector.content, expected_);
    EXPECT_EQ(collector.recalls, stored || GetParam() ? 0 : 1);
  }
}

// Killed between any two segments, and between all of them: nothing is passed twice or never.
TEST_P(Repeats, AreGoneOnWithAfterAnyNumberOfKills) {
  in_every_order([&](const std::vector<Segment>& segments) {
    for (std::size_t kill = 0; kill <= segments.size(); ++kill) {  // the last: after every segment
      for (const bool total : {false, true}) {
        MemoryStore store;
        Options options;
        options.store = &store;
        if (total) options.total = archive_.size();
        Content content;
        std::map<std::uint32_t, std::uint64_t> passed;
        struct Tally : Receiver {
          Tally(Content& c, std::map<std::uint32_t, std::uint64_t>& p) : content(c), passed(p) {}
          Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
            auto& out = content.tensors[tensor.meta.number];
            out.resize(tensor.byte_size);
            std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(offset));
            passed[tensor.meta.number] += bytes.size();
            return {};
          }
          Content& content;
          std::map<std::uint32_t, std::uint64_t>& passed;
        } tally(content, passed);
        auto decoder = *Decoder::create(options, tally);
        for (std::size_t i = 0; i < segments.size(); ++i) {
          BBZ_ASSERT_OK(decoder->feed(segments[i].offset, bytes_of(segments[i])));
          if (i != kill && kill != segments.size()) continue;
          const auto state = decoder->state("");
          BBZ_ASSERT_OK(state);
          // The length may become known between two lives.
          if (i % 2 == 1) options.total = archive_.size();
          decoder = *Decoder::create(options, tally);
          BBZ_ASSERT_OK(decoder->restore(*state));
        }
        BBZ_ASSERT_OK(decoder->finish());
        ASSERT_EQ(content.tensors, expected_.tensors);
        for (const auto& [number, bytes] : passed) ASSERT_EQ(bytes, 200u) << number;
      }
    }
  });
}

TEST_P(Repeats, AreFetchedWithThePayloadThatTheyRepeat) {
  for (const char* const name : {"first", "again"}) {
    for (const bool stored : {false, true}) {
      for (const bool damaged : {false, true}) {
        MemoryStore store;
        Options options;
        if (stored) options.store = &store;
        options.total = archive_.size();
        options.only_wanted = true;
        options.wants = [&](const catalog::File&, const catalog::Tensor& tensor) {
          return tensor.meta.name == name;
        };
        Collector collector;
        const auto decoder = *Decoder::create(options, collector);
        std::vector<std::byte> first = archive_;
        if (damaged) first[repeated_.offset + 7] ^= std::byte{1};
        std::uint64_t payloads = 0;
        for (int round = 0;; ++round) {
          ASSERT_LT(round, 10);
          const auto needs = decoder->needs();
          if (needs.empty()) break;
          for (const Interval& range : needs) {
            if (collector.structures != 0) payloads += range.size();
            const Bytes from = payloads > repeated_.record().size ? archive_ : first;
            BBZ_ASSERT_OK(decoder->feed(range.begin, from.subspan(range.begin, range.size())));
          }
        }
        BBZ_ASSERT_OK(decoder->finish());
        EXPECT_TRUE(decoder->complete());
        const std::uint32_t number = name == std::string_view("first") ? 0 : 1;
        EXPECT_EQ(collector.content.tensors.size(), 1u);
        EXPECT_EQ(collector.content.tensors[number], expected_.tensors[number]);
        EXPECT_EQ(payloads, repeated_.record().size + (damaged ? repeated_.length : 0));
      }
    }
  }
}

// Without a store, who has passed a payload that nobody wanted cannot get it back.
TEST_P(Repeats, OfWhatNobodyWantedFailIfItHasPassed) {
  int failed = 0;
  in_every_order([&](const std::vector<Segment>& segments) {
    for (const bool stored : {false, true}) {
      MemoryStore store;
      Options options;
      if (stored) options.store = &store;
      options.wants = [](const catalog::File&, const catalog::Tensor& tensor) {
        return tensor.meta.name == "again";
      };
      Collector collector;
      const auto decoder = *Decoder::create(options, collector);
      BBZ_ASSERT_OK(feed_all(*decoder, archive_, segments));
      BBZ_ASSERT_OK(decoder->finish());
      ASSERT_EQ(collector.recalls, 0);
      if (collector.content.failed.empty()) {
        ASSERT_EQ(collector.content.tensors[1], expected_.tensors[1]);
      } else {
        ++failed;
        ASSERT_FALSE(stored);
        ASSERT_EQ(collector.content.failed,
                  (std::map<std::uint32_t, Code>{{1, Code::kUnsupported}}));
        ASSERT_NE(collector.message.find("store"), std::string::npos) << collector.message;
      }
    }
  });
  EXPECT_EQ(failed > 0, !GetParam());
}

// Gives back other bytes than it got, or none.
struct Forgetful : Collector {
  Status recall(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes bytes) override {
    if (refuses) return Receiver::recall(tensor, offset, bytes);
    BBZ_TRY(Collector::recall(tensor, offset, bytes));
    bytes[5] ^= std::byte{1};
    return {};
  }
  bool refuses = false;
};

TEST_P(Repeats, AreCheckedIfTheReceiverGivesThemBack) {
  if (GetParam()) return;  // nobody is asked
  std::mt19937 random(1);
  for (const bool refuses : {false, true}) {
    Forgetful receiver;
    receiver.refuses = refuses;
    const auto decoder = *Decoder::create({}, receiver);
    BBZ_ASSERT_OK(feed_all(*decoder, archive_, cut(archive_.size(), 50, random)));
    BBZ_ASSERT_OK(decoder->finish());
    const Code code = refuses ? Code::kUnsupported : Code::kChecksum;
    EXPECT_EQ(receiver.content.failed, (std::map<std::uint32_t, Code>{{1, code}}));
    EXPECT_EQ(receiver.content.tensors.size(), 2u);
    EXPECT_EQ(receiver.message.find("store") != std::string::npos, refuses) << receiver.message;
  }
}

// Every damaged byte of the payload costs one more fetch of it, whoever needs it.
TEST_P(Repeats, ComeBackWithADamagedPayload) {
  std::vector<std::byte> damaged = archive_;
  damaged[repeated_.offset] ^= std::byte{1};
  in_every_order([&](const std::vector<Segment>& segments) {
    for (const bool stored : {false, true}) {
      MemoryStore store;
      Options options;
      if (stored) options.store = &store;
      Collector collector;
      const auto decoder = *Decoder::create(options, collector);
      BBZ_ASSERT_OK(feed_all(*decoder, damaged, segments));
      ASSERT_FALSE(decoder->complete());
      ASSERT_FALSE(collector.content.tensors.contains(0) || collector.content.tensors.contains(1));
      const auto needs = decoder->needs();
      ASSERT_EQ(needs,
                (std::vector<Interval>{{repeated_.offset, repeated_.offset + repeated_.length}}));
      BBZ_ASSERT_OK(
          decoder->feed(needs[0].begin, Bytes(archive_).subspan(needs[0].begin, needs[0].size())));
      BBZ_ASSERT_OK(decoder->finish());
      ASSERT_EQ(collector.content, expected_);
    }
  });
}

// The payload of a chunk of codec same is empty, but has a check.
TEST(RepeatsOwnPayload, IsCheckedToo) {
  const auto data = raw::text("0123456789");
  for (const bool wrong : {false, true}) {
    raw::Archive archive;
    raw::TensorFields t{.stored = 10, .chunk = 10, .shape = {10}, .name = "t"};
    raw::TensorFields u = t;
    u.name = "u";
    u.placed = false;
    raw::Record again = raw::chunk({.codec = 5}, data, {});
    if (wrong) again.says_payload_check = 1;
    archive.records = raw::join({raw::file(0, "file"), raw::tensor(t), raw::raw_chunk({}, data),
                                 raw::tensor(u), again, raw::file_end(0, 2, 20)});
    const auto bytes = archive.bytes();
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
      for (const bool stored : {false, true}) {
        std::mt19937 random(1);
        MemoryStore store;
        Options options;
        if (stored) options.store = &store;
        Collector collector;
        const auto decoder = *Decoder::create(options, collector);
        const Status fed = feed_all(*decoder, bytes, cut(bytes.size(), step, random));
        EXPECT_EQ(fed.code(), wrong ? Code::kChecksum : Code::kOk);
        EXPECT_EQ(decoder->finish().code(), fed.code());
        if (!wrong) {
          EXPECT_EQ(collector.content.tensors.at(1), collector.content.tensors.at(0));
        }
      }
    }
  }
}

}  // namespace
}  // namespace bbz::push
