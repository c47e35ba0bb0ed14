// Archives with tensors of form pivot: what a lost chunk costs is what it stands for.
#include "archive/pivoting.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/format/container/index.h"
#include "bbz/symmetry/form.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

class SalvageOfPivots : public testing::Test {
 protected:
  SalvageOfPivots() {
    WriteOptions options;
    options.chunk_bytes = 96;
    archive_ = *write_sample({made_.file}, options);
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
  }

  Report run(Bytes bytes) {
    const auto source = io::memory_source(bytes);
    std::filesystem::remove_all(out_ / "rescued");
    auto tree = *io::OutputTree::open(out_ / "rescued");
    auto report = salvage::salvage(*source, tree, Options());
    EXPECT_TRUE(report.ok()) << report.error().message;
    return report.ok() ? std::move(*report) : Report();
  }
  std::string written(const std::string& name) { return io::read_text(out_ / ("rescued/" + name)); }

  // The archive up to the index at its end.
  std::vector<std::byte> without_index() const {
    const auto source = io::memory_source(Bytes(archive_));
    const auto opened = container::open_by_index(*source, {}, false);
    return {archive_.begin(),
            archive_.begin() + static_cast<std::ptrdiff_t>(opened->trailer->index_offset())};
  }

  const PivotFile made_ = pivot_file();
  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
  io::TempDir out_;
};

TEST_F(SalvageOfPivots, ComesBackWholeWithAnIndexAndWithout) {
  for (const std::vector<std::byte>& bytes : {archive_, without_index()}) {
    EXPECT_EQ(run(bytes).files.at(0).outcome, Outcome::kWhole);
    EXPECT_TRUE(written("pivots") == as_text(made_.bytes));
  }
}

TEST_F(SalvageOfPivots, ADamagedChunkCostsWhatItStandsFor) {
  std::size_t damaged = 0;
  for (const catalog::Tensor& tensor : reader_->catalog().tensors) {
    if (tensor.meta.pivots == nullptr) continue;
    for (const catalog::Chunk& chunk : reader_->catalog().chunks_of(tensor)) {
      std::vector<std::byte> bytes = without_index();
      bytes[chunk.payload.offset + chunk.payload.length / 2] ^= std::byte{4};
      const Report report = run(bytes);
      EXPECT_EQ(report.files.at(0).outcome, Outcome::kPartial);
      const symmetry::DenseRange range = symmetry::dense_range(tensor.meta, chunk);
      const std::uint64_t size = tensor.meta.element_bits / 8;
      std::string expected(as_text(made_.bytes));
      const std::uint64_t begin = tensor.meta.offset + range.begin * size;
      const std::uint64_t count = (range.end - range.begin) * size;
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(begin), count, '\0');
      EXPECT_EQ(report.files.at(0).recovered, expected.size() - count);
      EXPECT_TRUE(written("pivots.partial") == expected) << tensor.meta.name;
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 30u);
}

}  // namespace
}  // namespace bbz::salvage
