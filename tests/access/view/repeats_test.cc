// Files with chunks that repeat others (codec same), seen through a view.
#include "archive/repeating.h"
#include "bbz/access/view/archive_view.h"
#include "support/assert.h"

namespace bbz::view {
namespace {

TEST(ViewOfRepeats, ReadsEveryPartOfEveryFile) {
  const auto files = repeating_files();
  const auto archive = *write_sample(files, repeating_options());
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  ASSERT_EQ(repeats_in(reader->catalog()), 9u);
  for (std::uint32_t number = 0; number < files.size(); ++number) {
    const auto expected = files[number].bytes();
    for (std::uint64_t begin = 0; begin < expected.size(); begin += 37) {
      for (std::uint64_t size = 1; size <= expected.size() - begin; size += 53) {
        ArchiveView view(*reader, {1 << 20, 1});
        const auto file = view.open(number);
        BBZ_ASSERT_OK(file);
        std::vector<std::byte> out(size);
        BBZ_ASSERT_OK((*file)->read_at(begin, out));
        ASSERT_TRUE(std::ranges::equal(out, Bytes(expected).subspan(begin, size)))
            << size << " bytes at " << begin << " of file " << number;
      }
    }
  }
}

}  // namespace
}  // namespace bbz::view
