// Derived tensors among the chunks that are placed at the same time.
#include "bbz/symmetry/group.h"
#include "ops/rotation/packed.h"

namespace bbz::rotation {
namespace {

// Notes where it was asked to place what, in order.
class Log final : public io::Sink {
 public:
  Status write(Bytes) override { return {}; }
  Status finish() override { return {}; }
  bool can_place() const override { return true; }
  Status place(std::uint64_t offset, Bytes) override {
    offsets.push_back(offset);
    return {};
  }
  std::uint64_t written() const override { return 0; }

  std::vector<std::uint64_t> offsets;
};

// A model of so many chunks that they are not all on their way at once.
class PlaceDerived : public testing::Test {
 protected:
  void SetUp() override {
    const test_models::Spec spec = small_spec("llama", DType::kF16);
    const auto packed = pack_file(file_of(test_models::sliced_model(spec)), RequestedMethod::kPolar,
                                  DigestKind::kXxh3_128, 64);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    archive_ = packed->archive;
  }
  std::vector<std::byte> archive_;
};

TEST_F(PlaceDerived, ComesOutTheSameOnAnyNumberOfThreads) {
  const auto expected = unpack_by_index(archive_);
  ASSERT_TRUE(expected.ok()) << expected.error().message;
  for (const unsigned threads : {1u, 2u, 3u, 8u}) {
    const auto found = unpack_in_places(archive_, threads);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_TRUE(*found == *expected) << threads << " threads";
  }
}

TEST_F(PlaceDerived, BeginsWhileThereAreChunksLeft) {
  constexpr std::uint64_t kAhead = 128;
  ReadOptions options;
  options.threads = 1;  // so that the order is that in which pieces are begun
  const auto reader = Reader::open(io::memory_source(Bytes(archive_)), options);
  std::vector<Placement> placements;
  std::vector<std::uint64_t> derived, chunks_before;
  std::uint64_t chunks = 0;
  for (const std::uint32_t number : reader->catalog().files.front().tensors) {
    const catalog::Tensor& tensor = reader->catalog().tensors[number];
    placements.push_back({number, tensor.meta.offset});
    chunks += tensor.chunk_count;
    if (tensor.meta.form != catalog::Form::kPolar) continue;
    derived.push_back(tensor.meta.offset);
    chunks_before.push_back(chunks);
  }
  ASSERT_EQ(derived.size(), 2u);
  ASSERT_GT(chunks_before.back(), 2 * kAhead);
  Log log;
  const Status placed = reader->place_tensors(placements, log);
  ASSERT_TRUE(placed.ok()) << placed.error().message;
  ASSERT_EQ(log.offsets.size(), chunks + derived.size());
  for (std::size_t i = 0; i < derived.size(); ++i) {
    const auto at = std::ranges::find(log.offsets, derived[i]) - log.offsets.begin();
    EXPECT_EQ(static_cast<std::uint64_t>(at),
              i + chunks_before[i] - std::min(chunks_before[i], kAhead));
  }
}

}  // namespace
}  // namespace bbz::rotation
