// Damaged archives with views.
#include "archive/viewing.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/format/container/index.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

class SalvagedViews : public testing::TestWithParam<bool> {
 protected:
  SalvagedViews() : archive_(write_viewed()) {
    reader_.emplace(Reader::open(io::memory_source(Bytes(archive_))).value());
    const auto opened = container::open_by_index(*io::memory_source(Bytes(archive_)), {}, false);
    if (!GetParam()) archive_.resize(opened->trailer->index_offset());
  }

  // Salvages, and returns the tensors of m.pt.rescued.safetensors by name.
  std::map<std::string, std::vector<std::byte>> rescued(Report* report = nullptr) {
    const auto source = io::memory_source(Bytes(archive_));
    auto tree = io::OutputTree::open(out_ / "rescued").value();
    Options options;
    options.sync = false;
    const auto result = salvage::salvage(*source, tree, options);
    EXPECT_TRUE(result.ok());
    if (report != nullptr) *report = *result;
    std::map<std::string, std::vector<std::byte>> tensors;
    const auto file = io::open_file(out_ / "rescued/m.pt.rescued.safetensors");
    if (!file.ok()) return tensors;
    std::vector<std::byte> all(*(*file)->size());
    EXPECT_TRUE(io::read_exactly(**file, 0, all).ok());
    const auto header = safetensors::parse(all, all.size(), {});
    EXPECT_TRUE(header.ok());
    for (const safetensors::Tensor& tensor : header->tensors) {
      const Bytes bytes =
          Bytes(all).subspan(header->header_size + tensor.begin, tensor.end - tensor.begin);
      tensors[tensor.name] = {bytes.begin(), bytes.end()};
    }
    return tensors;
  }

  void damage(std::uint32_t tensor, std::uint64_t chunk) {
    const catalog::Catalog& catalog = reader_->catalog();
    archive_[catalog.chunks[catalog.tensors[tensor].first_chunk + chunk].payload.offset] ^=
        std::byte{1};
  }

  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
  io::TempDir out_;
};
INSTANTIATE_TEST_SUITE_P(Index, SalvagedViews, testing::Bool());

TEST_P(SalvagedViews, AWholeFileHasThemAll) {
  Report report;
  EXPECT_TRUE(rescued(&report).empty());
  EXPECT_TRUE(report.whole());
}

// A view survives as far as its base does.
TEST_P(SalvagedViews, ThoseWhoseChunksAreLeftComeBack) {
  damage(1, 0);  // rows 0 to 19 of w
  const auto found = rescued();
  for (const SampleView& view : expected_views()) {
    SCOPED_TRACE(view.name);
    const bool lost = view.base == "w" && view.name != "layers.3.rows";
    ASSERT_EQ(found.contains(view.name), !lost);
    if (!lost) {
      EXPECT_TRUE(found.at(view.name) == view.bytes);
    }
  }
  EXPECT_FALSE(found.contains("w"));
  EXPECT_FALSE(found.contains("data/0"));  // no tensor of the model
}

TEST_P(SalvagedViews, ALostRecordOfABaseTakesItsViewsAlong) {
  if (GetParam()) GTEST_SKIP() << "the index has the record";
  const catalog::Catalog& catalog = reader_->catalog();
  const catalog::Payload& payload = catalog.chunks[catalog.tensors[2].first_chunk].payload;
  const auto at = archive_.begin() + static_cast<std::ptrdiff_t>(payload.record().offset);
  std::fill_n(at, payload.head_length, std::byte{0});
  const auto found = rescued();
  for (const SampleView& view : expected_views()) {
    EXPECT_EQ(found.contains(view.name), view.base != "data/0") << view.name;
  }
}

}  // namespace
}  // namespace bbz::salvage
