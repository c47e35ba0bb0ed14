// Lower and pivot tensors of which a few stored elements expand to megabytes, by every way of reading.
#include <functional>
#include <map>
#include <mutex>

#include "archive/pivoting.h"
#include "bbz/symmetry/form.h"
#include "support/assert.h"
#include "support/bytes.h"
#include "support/faulty.h"

namespace bbz {
namespace {

// A tensor of F16, and what its chunks store.
struct Expanded {
  TensorSpec spec;
  std::vector<std::byte> dense;
  std::vector<std::byte> stored;
};

Expanded lower() {
  constexpr std::uint64_t kRows = 150;
  constexpr std::uint64_t kCols = 32768;
  Expanded made;
  made.spec.shape = {kRows, kCols};
  made.dense.resize(kRows * kCols * 2);
  for (std::uint64_t row = 0; row < kRows; ++row) {
    const std::vector<std::byte> kept = noise(2 * (row + 1), static_cast<unsigned>(row));
    std::ranges::copy(kept, made.dense.begin() + static_cast<std::ptrdiff_t>(row * kCols * 2));
    made.stored.insert(made.stored.end(), kept.begin(), kept.end());
  }
  made.spec.stored = {.form = catalog::Form::kLower, .elements = made.stored.size() / 2};
  return made;
}

// Has 1,030 lines along `axis`, all but 6 of which are pivots.
Expanded pivot(unsigned axis) {
  constexpr std::uint64_t kExtent = 1030;
  std::vector<std::uint32_t> lines;
  for (std::uint32_t line = 0; line < kExtent; ++line) {
    if (line % 200 != 7) lines.push_back(line);
  }
  const std::uint64_t rank = lines.size();
  const PivotSample made = pivot_sample("w", DType::kF16, axis == 0 ? kExtent : rank,
                                        axis == 0 ? rank : kExtent, lines, 3);
  return {made.tensor.spec, made.dense, made.tensor.bytes};
}

const std::map<std::string, std::function<Expanded()>> kMakers = {
    {"lower", lower}, {"rows", [] { return pivot(0); }}, {"columns", [] { return pivot(1); }}};

// A file of one such tensor, in chunks of so many bytes, between two of bytes.
class ExpandedForm : public testing::TestWithParam<std::tuple<std::string, std::uint64_t>> {
 protected:
  void SetUp() override {
    const Expanded made = kMakers.at(std::get<0>(GetParam()))();
    SampleFile file{"model", catalog::FileKind::kRegular, {}};
    file.tensors.push_back(sample_bytes("before"));
    SampleTensor tensor{made.spec, made.stored};
    tensor.spec.name = "w";
    tensor.spec.dtype = DType::kF16;
    dense_ = made.dense;
    file.tensors.push_back(tensor);
    file.tensors.push_back(sample_bytes("after"));
    WriteOptions options;
    options.chunk_bytes = std::get<1>(GetParam());
    archive_ = *write_sample({file}, options);
    expected_ = sample_bytes("before").bytes;
    expected_.insert(expected_.end(), dense_.begin(), dense_.end());
    const auto after = sample_bytes("after").bytes;
    expected_.insert(expected_.end(), after.begin(), after.end());
  }
  Result<Reader> open(unsigned threads = 1) const {
    ReadOptions options;
    options.threads = threads;
    return Reader::open(io::memory_source(Bytes(archive_)), options);
  }

  std::vector<std::byte> dense_, archive_, expected_;
};
INSTANTIATE_TEST_SUITE_P(Chunks, ExpandedForm,
                         testing::Combine(testing::Values("lower", "rows", "columns"),
                                          testing::Values(2, 100, 1 << 20)));

// Takes pieces of no more than a slice.
class Slices final : public Collector {
 public:
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    largest = std::max(largest, bytes.size());
    return Collector::data(tensor, offset, bytes);
  }
  std::size_t largest = 0;
};

TEST_P(ExpandedForm, IsDeliveredInSlices) {
  Slices visited;
  BBZ_ASSERT_OK(open(2)->visit_all(visited));
  EXPECT_TRUE(visited.files["model"] == expected_);
  EXPECT_LE(visited.largest, symmetry::kExpandSlice);
  const auto memory = io::memory_source(Bytes(archive_));
  io::SequentialSource pipe(*memory);
  Slices streamed;
  BBZ_ASSERT_OK(read_stream(pipe, {}, streamed));
  EXPECT_TRUE(streamed.files["model"] == expected_);
  EXPECT_LE(streamed.largest, symmetry::kExpandSlice);
}

// Takes what is placed, in pieces of no more than a slice.
class Places final : public io::Sink {
 public:
  explicit Places(std::size_t size) : file(size) {}
  Status write(Bytes) override { return {}; }
  Status finish() override { return {}; }
  bool can_place() const override { return true; }
  Status place(std::uint64_t offset, Bytes bytes) override {
    const std::lock_guard lock(mutex_);
    largest = std::max(largest, bytes.size());
    std::ranges::copy(bytes, file.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  std::uint64_t written() const override { return 0; }

  std::vector<std::byte> file;
  std::size_t largest = 0;

 private:
  std::mutex mutex_;
};

TEST_P(ExpandedForm, IsPlacedInSlices) {
  const auto reader = open(3);
  std::vector<Placement> placements;
  for (const catalog::Tensor& tensor : reader->catalog().tensors) {
    placements.push_back({tensor.meta.number, tensor.meta.offset});
  }
  Places places(expected_.size());
  std::uint64_t placed = 0;
  BBZ_ASSERT_OK(
      reader->place_tensors(placements, places, [&](std::uint64_t bytes) { placed = bytes; }));
  EXPECT_TRUE(places.file == expected_);
  EXPECT_EQ(placed, expected_.size());
  EXPECT_LE(places.largest, symmetry::kExpandSlice);
}

TEST_P(ExpandedForm, AnyRangeIsAsInTheWhole) {
  const auto reader = open();
  const std::uint32_t number = reader->catalog().find_tensors("w").at(0);
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t offset = random() % dense_.size();
    const std::uint64_t most =
        std::min<std::uint64_t>(dense_.size() - offset, i % 5 == 0 ? 3'000'000 : 1 + random() % 70);
    std::vector<std::byte> out(most);
    BBZ_ASSERT_OK(reader->read_bytes(number, offset, out));
    ASSERT_TRUE(std::ranges::equal(out, Bytes(dense_).subspan(offset, most)))
        << most << " at " << offset;
  }
  std::vector<std::byte> all(dense_.size());
  BBZ_ASSERT_OK(reader->read_tensor(number, all));
  EXPECT_TRUE(all == dense_);
}

}  // namespace
}  // namespace bbz
