#include "bbz/access/loader/layer_loader.h"

#include <atomic>
#include <thread>

#include "archive/sample.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz::loader {
namespace {

// Holds every read from the time that it is closed, and counts those that wait.
class GatedSource final : public io::ForwardingSource {
 public:
  using ForwardingSource::ForwardingSource;
  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes out) override {
    {
      std::unique_lock lock(mutex_);
      ++reads_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !closed_; });
    }
    return ForwardingSource::read_at(offset, out);
  }
  void set_closed(bool closed) {
    const std::lock_guard lock(mutex_);
    closed_ = closed;
    reads_ = 0;
    changed_.notify_all();
  }
  void wait_for_a_read() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return reads_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  int reads_ = 0;
};

// Six layers of two tensors, with embedding and head.
class OfAModel : public testing::Test {
 protected:
  static constexpr std::uint64_t kMatrix = 40 * 100 * 2;     // bytes, a multiple of 64
  static constexpr std::uint64_t kLayer = kMatrix + 7 * 64;  // the vector takes 404
  static constexpr std::uint64_t kLayers = 6;

  OfAModel() {
    SampleFile file{"model", catalog::FileKind::kRegular, {}};
    file.tensors.push_back(sample_bytes("header"));
    file.tensors.push_back(sample_tensor("embed", DType::kF32, {10, 9}, 1));
    for (std::uint32_t i = 0; i < kLayers; ++i) {
      const std::string layer = "layers." + std::to_string(i);
      file.tensors.push_back(sample_tensor(layer + ".w", DType::kBF16, {40, 100}, 2 + i, i));
      file.tensors.push_back(sample_tensor(layer + ".b", DType::kF32, {101}, 20 + i, i));
    }
    file.tensors.push_back(sample_tensor("head", DType::kF16, {9, 10}, 99));
    for (const SampleTensor& t : file.tensors) expected_[t.spec.name] = t.bytes;
    WriteOptions options;
    options.chunk_bytes = 512;
    archive_ = *write_sample({file}, options);
    memory_ = io::memory_source(Bytes(archive_));
    gate_ = std::make_shared<GatedSource>(*memory_);
    ReadOptions read;
    read.threads = 2;
    reader_ = *Reader::open(gate_, read);
  }

  std::unique_ptr<LayerLoader> start(std::uint64_t memory) const {
    return LayerLoader::start(*reader_, plan_layers(reader_->catalog()), {memory}).value();
  }

  void expect_right(const Layer& layer) const {
    for (const LayerTensor& t : layer.tensors()) {
      EXPECT_TRUE(std::ranges::equal(t.bytes, expected_.at(t.name))) << t.name;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.bytes.data()) % 64, 0u);
      EXPECT_EQ(reader_->catalog().tensors[t.number].meta.name, t.name);
      EXPECT_EQ(*byte_size(t.dtype, *element_count(t.shape)), t.bytes.size());
    }
  }

  std::map<std::string, std::vector<std::byte>> expected_;
  std::vector<std::byte> archive_;
  std::unique_ptr<io::Source> memory_;
  std::shared_ptr<GatedSource> gate_;
  std::optional<Reader> reader_;
};

TEST_F(OfAModel, GivesTheLayersInOrder) {
  for (const std::uint64_t memory : {kLayer, 3 * kLayer, 100 * kLayer}) {
    const auto loader = start(memory);
    std::vector<std::optional<std::uint32_t>> order;
    std::size_t tensors = 0;
    while (true) {
      const auto layer = loader->next();
      BBZ_ASSERT_OK(layer);
      if (!*layer) break;
      order.push_back((*layer)->number());
      tensors += (*layer)->tensors().size();
      expect_right(**layer);
    }
    ASSERT_EQ(order.size(), kLayers + 2);
    EXPECT_FALSE(order.front().has_value());
    for (std::uint32_t i = 0; i < kLayers; ++i) EXPECT_EQ(order[i + 1], i);
    EXPECT_FALSE(order.back().has_value());
    EXPECT_EQ(tensors, expected_.size() - 1);
    EXPECT_LE(loader->most_bytes(), memory);
    EXPECT_FALSE(loader->next()->has_value());
  }
}

TEST_F(OfAModel, FindsTensorsByName) {
  const auto loader = start(100 * kLayer);
  BBZ_ASSERT_OK(loader->next());
  const auto layer = loader->next();
  BBZ_ASSERT_OK(layer);
  ASSERT_NE((*layer)->find("layers.0.b"), nullptr);
  EXPECT_EQ((*layer)->find("layers.0.b")->shape, Shape{101});
  EXPECT_EQ((*layer)->find("layers.1.b"), nullptr);
}

TEST_F(OfAModel, DecodesWhileALayerIsUsedAsFarAsTheMemoryGoes) {
  const auto loader = start(3 * kLayer);
  BBZ_ASSERT_OK(loader->next());
  const auto used = loader->next();
  BBZ_ASSERT_OK(used);
  // Without another call, two more are decoded beside the one that is used, and no third.
  while (loader->most_bytes() < 3 * kLayer) std::this_thread::yield();
  BBZ_ASSERT_OK(loader->next());
  expect_right(**used);
  EXPECT_EQ(loader->most_bytes(), 3 * kLayer);
}

TEST_F(OfAModel, SaysWhenWhatIsHeldLeavesNoRoomAndGoesOnAfterIt) {
  const auto loader = start(2 * kLayer);
  BBZ_ASSERT_OK(loader->next());  // and released at once
  std::vector<Layer> held;
  for (int i = 0; i < 2; ++i) held.push_back(*std::move(loader->next()).value());
  for (int i = 0; i < 2; ++i) {
    const auto refused = loader->next();
    ASSERT_EQ(refused.code(), Code::kLimit);
    EXPECT_NE(refused.error().message.find("layer 2: takes"), std::string::npos)
        << refused.error().message;
  }
  held.pop_back();
  const auto layer = loader->next();
  BBZ_ASSERT_OK(layer);
  EXPECT_EQ((*layer)->number(), 2u);
  EXPECT_EQ(loader->most_bytes(), 2 * kLayer);
}

TEST_F(OfAModel, ALayerOutlivesItsLoader) {
  std::optional<Layer> layer;
  {
    const auto loader = start(2 * kLayer);
    BBZ_ASSERT_OK(loader->next());
    layer = *std::move(loader->next()).value();
  }
  expect_right(*layer);
}

TEST_F(OfAModel, LayersAreReleasedFromAnyThread) {
  const auto loader = start(2 * kLayer);
  std::vector<std::thread> users;
  while (true) {
    auto layer = loader->next();
    if (layer.code() == Code::kLimit) continue;  // until a user is done
    BBZ_ASSERT_OK(layer);
    if (!*layer) break;
    users.emplace_back([this, held = *std::move(*layer)] { expect_right(held); });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(users.size(), kLayers + 2);
}

TEST_F(OfAModel, AnErrorComesAfterTheLayersBeforeItAndStays) {
  const std::uint32_t broken = reader_->catalog().find_tensors("layers.2.w").at(0);
  const auto chunks = reader_->catalog().chunks_of(reader_->catalog().tensors[broken]);
  archive_[chunks[3].payload.offset] ^= std::byte{1};
  const auto loader = start(100 * kLayer);
  for (int i = 0; i < 3; ++i) BBZ_ASSERT_OK(loader->next());
  for (int i = 0; i < 2; ++i) {
    const auto failed = loader->next();
    ASSERT_EQ(failed.code(), Code::kChecksum);
    EXPECT_NE(failed.error().message.find("layers.2.w"), std::string::npos);
  }
}

TEST_F(OfAModel, RefusesWhatCannotBe) {
  const auto plan = plan_layers(reader_->catalog());
  const auto small = LayerLoader::start(*reader_, plan, {kLayer - 1});
  ASSERT_EQ(small.code(), Code::kLimit);
  EXPECT_NE(small.error().message.find("layer 0"), std::string::npos) << small.error().message;
  EXPECT_EQ(LayerLoader::start(*reader_, {{{}, {1000}}}).code(), Code::kInvalidArgument);
  const auto nothing = LayerLoader::start(*reader_, {});
  BBZ_ASSERT_OK(nothing);
  EXPECT_FALSE((*nothing)->next()->has_value());
}

TEST_F(OfAModel, StopsWhereverItIs) {
  for (const std::uint64_t memory : {kLayer, 2 * kLayer, 100 * kLayer}) {
    start(memory);  // at once
    const auto loader = start(memory);
    BBZ_ASSERT_OK(loader->next());
  }
  // In the middle of a tensor.
  gate_->set_closed(true);
  auto loader = start(100 * kLayer);
  gate_->wait_for_a_read();
  std::thread opener([this] { gate_->set_closed(false); });
  loader.reset();
  opener.join();
}

}  // namespace
}  // namespace bbz::loader
