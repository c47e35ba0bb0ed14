// Tensors of form pivot, in every order in which their chunks can come.
#include "access/push/feeding.h"
#include "archive/pivoting.h"

namespace bbz::push {
namespace {

class PushedPivots : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    WriteOptions options;
    options.chunk_bytes = 96;
    archive_ = *write_sample({made_.file}, options, GetParam());
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
  }

  bool is_expected(std::uint32_t number, Bytes found) const {
    const catalog::Tensor& tensor = reader_->catalog().tensors[number];
    return std::ranges::equal(found,
                              Bytes(made_.bytes).subspan(tensor.meta.offset, tensor.byte_size));
  }

  const PivotFile made_ = pivot_file();
  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
};
INSTANTIATE_TEST_SUITE_P(Index, PushedPivots, testing::Bool(),
                         [](const auto& front) { return front.param ? "front" : "end"; });

TEST_P(PushedPivots, ComeAsMatrices) {
  std::mt19937 random(1);
  for (const bool stored : {false, true}) {
    feed_in_all_ways(archive_, {}, stored, random, [&](const Collector& collector) {
      EXPECT_TRUE(collector.content.failed.empty()) << collector.message;
      ASSERT_EQ(collector.content.tensors.size(), reader_->catalog().tensors.size());
      for (const auto& [number, bytes] : collector.content.tensors) {
        EXPECT_TRUE(is_expected(number, bytes)) << number;
      }
    });
  }
}

// What is asked for is the chunks of the layer, and no others.
TEST_P(PushedPivots, OneLayerComesFromItsOwnChunks) {
  MemoryStore store;
  Options options;
  options.store = &store;
  options.total = archive_.size();
  options.only_wanted = true;
  options.wants = [](const catalog::File&, const catalog::Tensor& tensor) {
    return tensor.meta.layer == 1u;
  };
  Collector collector;
  const auto decoder = *Decoder::create(options, collector);
  for (int i = 0; i < 100 && !decoder->complete(); ++i) {
    for (const Interval& need : decoder->needs()) {
      BBZ_ASSERT_OK(decoder->feed(need.begin, Bytes(archive_).subspan(need.begin, need.size())));
    }
  }
  ASSERT_TRUE(decoder->complete());
  EXPECT_EQ(collector.content.tensors.size(), 4u);
  for (const auto& [number, bytes] : collector.content.tensors) {
    EXPECT_TRUE(is_expected(number, bytes)) << number;
  }
  const catalog::Catalog& catalog = reader_->catalog();
  for (const catalog::Tensor& tensor : catalog.tensors) {
    for (const catalog::Chunk& chunk : catalog.chunks_of(tensor)) {
      const catalog::Payload& payload = chunk.payload;
      EXPECT_EQ(decoder->verified().covers({payload.offset, payload.offset + payload.length}),
                tensor.meta.layer == 1u)
          << tensor.meta.name;
    }
  }
}

}  // namespace
}  // namespace bbz::push
