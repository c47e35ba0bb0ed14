// A rotated model, whose tensors need groups, read by many threads at once in every way that there
// is. To be run with a sanitizer of threads, too: scripts/test-threads.
#include <atomic>
#include <thread>

#include "access/push/feeding.h"
#include "bbz/access/loader/layer_loader.h"
#include "bbz/access/view/archive_view.h"
#include "capi/support.h"
#include "ops/rotation/packed.h"

namespace bbz::capi {
namespace {

using rotation::RequestedMethod;

class GroupsOnThreads : public testing::TestWithParam<RequestedMethod> {
 protected:
  void SetUp() override {
    const auto model =
        rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
    const auto packed = rotation::pack_file(model, GetParam(), DigestKind::kXxh3_128, 500);
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    archive_ = packed->archive;
    expected_ = *rotation::unpack_by_index(archive_);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
    tensors_ = reader_->catalog().files.front().tensors;
  }

  bool is_right(std::uint32_t number, Bytes bytes) const {
    const catalog::Tensor& tensor = reader_->catalog().tensors[number];
    return bytes.size() == tensor.byte_size &&
           std::ranges::equal(bytes, Bytes(expected_).subspan(tensor.meta.offset, bytes.size()));
  }

  // Calls `read` for every tensor on each of some threads, each of which begins somewhere else.
  void on_threads(const std::function<bool(std::uint32_t number)>& read) {
    constexpr std::size_t kThreads = 5;
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < tensors_.size(); ++i) {
          const std::size_t at = t % 2 == 0 ? i : tensors_.size() - 1 - i;
          if (!read(tensors_[(at + 5 * t) % tensors_.size()])) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }

  std::vector<std::byte> archive_, expected_;
  std::optional<Reader> reader_;
  std::vector<std::uint32_t> tensors_;
};
INSTANTIATE_TEST_SUITE_P(Methods, GroupsOnThreads,
                         testing::Values(RequestedMethod::kBitsBack, RequestedMethod::kTriangular,
                                         RequestedMethod::kPolar));

TEST_P(GroupsOnThreads, ThroughTheCInterface) {
  bbz_source* source = nullptr;
  bbz_reader* reader = nullptr;
  auto options = sized<bbz_reader_options>();
  options.threads = 2;
  ASSERT_EQ(bbz_source_open_memory(archive_.data(), archive_.size(), &source, nullptr), BBZ_OK);
  const Owned<bbz_source> owned_source(source);
  ASSERT_EQ(bbz_reader_open(source, &options, &reader, nullptr), BBZ_OK);
  const Owned<bbz_reader> owned(reader);
  on_threads([&](std::uint32_t number) {
    std::vector<std::byte> bytes(reader_->catalog().tensors[number].byte_size);
    return bbz_reader_read_tensor(reader, number, bytes.data(), bytes.size(), nullptr) == BBZ_OK &&
           is_right(number, bytes);
  });
}

TEST_P(GroupsOnThreads, ThroughAView) {
  view::ArchiveView view(*reader_, {20'000, 3});
  const auto file = view.open(0);
  ASSERT_TRUE(file.ok());
  on_threads([&](std::uint32_t number) {
    const catalog::Tensor& tensor = reader_->catalog().tensors[number];
    std::vector<std::byte> bytes(tensor.byte_size);
    const auto read = (*file)->read_at(tensor.meta.offset, bytes);
    return read.ok() && *read == bytes.size() && is_right(number, bytes);
  });
}

TEST_P(GroupsOnThreads, ThroughTheLayerLoader) {
  ReadOptions options;
  options.threads = 3;
  const auto reader = Reader::open(io::memory_source(Bytes(archive_)), options);
  const auto loader =
      loader::LayerLoader::start(*reader, loader::plan_layers(reader->catalog()), {1 << 20});
  ASSERT_TRUE(loader.ok()) << loader.error().message;
  // Others read beside it, through the same reader.
  on_threads([&](std::uint32_t number) {
    std::vector<std::byte> bytes(reader_->catalog().tensors[number].byte_size);
    return reader->read_tensor(number, bytes).ok() && is_right(number, bytes);
  });
  std::size_t seen = 0;
  while (true) {
    const auto layer = (*loader)->next();
    ASSERT_TRUE(layer.ok()) << layer.error().message;
    if (!*layer) break;
    for (const loader::LayerTensor& tensor : (*layer)->tensors()) {
      EXPECT_TRUE(is_right(tensor.number, tensor.bytes)) << tensor.name;
      ++seen;
    }
  }
  EXPECT_GT(seen, 10u);
}

TEST_P(GroupsOnThreads, ThroughPushDecoders) {
  std::atomic<int> wrong{0};
  const push::Content content = push::content_of(*reader_);
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      push::Options options;
      options.threads = 3;
      push::MemoryStore store;
      if (t % 2 == 0) options.store = &store;
      push::Collector received;
      const auto decoder = push::Decoder::create(options, received);
      const Status fed = decoder.ok() ? (*decoder)->feed(0, archive_) : decoder.error();
      const Status finished = fed.ok() ? (*decoder)->finish() : fed;
      if (!finished.ok() || received.content.tensors != content.tensors) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace bbz::capi
