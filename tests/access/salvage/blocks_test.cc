// Damaged archives with tensors of blocks.
#include "archive/repeating.h"
#include "bbz/access/salvage/salvage.h"
#include "format/container/raw_archive.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::salvage {
namespace {

// The record of the block type and the index are lost, and all bytes are recovered.
TEST(SalvagedBlocks, NeedNoBlockType) {
  const io::TempDir out;
  const auto files = block_files();
  std::vector<std::byte> archive = *write_sample(files, repeating_options());
  const auto offsets = raw::record_offsets(archive);
  std::size_t lost = 0;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const auto type = std::to_integer<unsigned>(archive[offsets[i] + 7]) & 15;
    if (type == 7) archive.resize(offsets[i]);
    if (type == 7) break;
    if (type != 11) continue;
    std::fill(archive.begin() + static_cast<std::ptrdiff_t>(offsets[i]),
              archive.begin() + static_cast<std::ptrdiff_t>(offsets[i + 1]), std::byte{0});
    ++lost;
  }
  ASSERT_EQ(lost, 2u);
  auto tree = io::OutputTree::open(out / "rescued");
  BBZ_ASSERT_OK(tree);
  Options options;
  options.sync = false;
  const auto report = salvage::salvage(*io::memory_source(Bytes(archive)), *tree, options);
  BBZ_ASSERT_OK(report);
  ASSERT_EQ(report->files.size(), 1u);
  EXPECT_EQ(report->files[0].recovered, files[0].bytes().size());
  const std::string text = io::read_text(out / "rescued/model.gguf");
  const auto expected = files[0].bytes();
  EXPECT_EQ(text, std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));
}

}  // namespace
}  // namespace bbz::salvage
