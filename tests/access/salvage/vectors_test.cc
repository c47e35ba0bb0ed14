// The archives of format-spec/vectors, salvaged although nothing is damaged.
#include "archive/valid_vectors.h"
#include "bbz/access/salvage/salvage.h"

namespace bbz::salvage {
namespace {

TEST(SalvagedVectors, ValidOnesAreWhole) {
  for_each_valid_vector([&](const Reader& reader, Bytes archive) {
    const io::TempDir out;
    auto tree = io::OutputTree::open(out / "rescued");
    BBZ_ASSERT_OK(tree);
    const auto source = io::memory_source(archive);
    Options options;
    options.sync = false;
    options.threads = 1;
    const auto report = salvage(*source, *tree, options);
    BBZ_ASSERT_OK(report);
    for (std::uint32_t number = 0; number < reader.catalog().files.size(); ++number) {
      const catalog::File& file = reader.catalog().files[number];
      if (file.kind != catalog::FileKind::kRegular) continue;
      SCOPED_TRACE(file.path);
      std::vector<std::byte> expected(file.size);
      if (!reader.read_file(number, 0, expected).ok()) continue;  // of a later version
      EXPECT_EQ(report->files.at(number).outcome, Outcome::kWhole);
      const std::string written = io::read_text(out / ("rescued/" + file.path));
      EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(written)), expected));
    }
  });
}

// A file that seems whole, but whose header says something else than its records.
TEST(SalvagedVectors, ContradictoryOnesAreNotWhole) {
  for (const std::string name :
       {"safetensors-name", "safetensors-missing", "safetensors-view", "safetensors-views-only"}) {
    SCOPED_TRACE(name);
    const std::string bytes = io::read_text(BBZ_VECTORS "/invalid/" + name + ".bbz");
    const auto source = io::memory_source(std::as_bytes(std::span(bytes)));
    const io::TempDir out;
    auto tree = io::OutputTree::open(out / "rescued");
    BBZ_ASSERT_OK(tree);
    Options options;
    options.sync = false;
    options.threads = 1;
    const auto report = salvage(*source, *tree, options);
    BBZ_ASSERT_OK(report);
    EXPECT_FALSE(report->whole());
    EXPECT_FALSE(out.entries().contains("rescued/m.safetensors"));
  }
}

}  // namespace
}  // namespace bbz::salvage
