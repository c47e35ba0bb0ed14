// The archives of format-spec/vectors, read as files are read in place.
#include <random>

#include "archive/valid_vectors.h"
#include "bbz/access/view/archive_view.h"

namespace bbz::view {
namespace {

TEST(ViewedVectors, ValidOnesAreRead) {
  std::mt19937 random(1);
  for_each_valid_vector([&](const Reader& reader, Bytes) {
    ArchiveView view(reader, {.cache_bytes = 4096, .threads = 1});
    for (std::uint32_t number = 0; number < reader.catalog().files.size(); ++number) {
      const catalog::File& file = reader.catalog().files[number];
      if (file.kind != catalog::FileKind::kRegular) continue;
      SCOPED_TRACE(file.path);
      std::vector<std::byte> expected(file.size);
      const Status whole = reader.read_file(number, 0, expected);
      const auto opened = view.open(number);
      ASSERT_EQ(opened.code(), catalog::check_file(file).code());
      if (!opened.ok()) continue;  // of a later version
      std::vector<std::byte> out(file.size + 1);
      const auto n = (*opened)->read_at(0, out);
      ASSERT_EQ(n.code(), whole.code());
      if (!whole.ok()) continue;
      ASSERT_EQ(*n, file.size);
      out.resize(file.size);
      EXPECT_EQ(out, expected);
      for (int i = 0; i < 50; ++i) {
        const std::uint64_t offset = random() % (file.size + 1);
        std::vector<std::byte> part(random() % (file.size - offset + 1));
        const auto read = (*opened)->read_at(offset, part);
        BBZ_ASSERT_OK(read);
        ASSERT_EQ(*read, part.size());
        ASSERT_TRUE(std::ranges::equal(part, Bytes(expected).subspan(offset, part.size())))
            << part.size() << " bytes at " << offset;
      }
    }
  });
}

}  // namespace
}  // namespace bbz::view
