// A model whose tensors repeat chunks of others (codec same).
#include "archive/repeating.h"
#include "bbz/access/model/model.h"
#include "support/assert.h"

namespace bbz::model {
namespace {

TEST(ModelOfRepeats, IsLoadedWholeAndInParts) {
  const auto files = repeating_files();
  const auto archive = *write_sample(files, repeating_options());
  const auto plain = write_sample(files, repeating_options(DigestKind::kXxh3_128, false));
  const auto model = open(io::memory_source(Bytes(archive)), "a.bbz");
  BBZ_ASSERT_OK(model);
  std::size_t number = 0;
  std::uint64_t stored = std::string_view("tests").size();  // the value of the metadata
  for (const SampleFile& file : files) {
    for (const SampleTensor& tensor : file.tensors) {
      stored += tensor.bytes.size();
      const auto whole = model->load(number);
      BBZ_ASSERT_OK(whole);
      EXPECT_TRUE(std::ranges::equal(*whole, tensor.bytes)) << tensor.spec.name;
      std::vector<std::byte> all;
      while (true) {
        const auto part = model->load_part(number, all.size());
        BBZ_ASSERT_OK(part);
        if (part->empty()) break;
        all.insert(all.end(), part->begin(), part->end());
      }
      EXPECT_EQ(all, tensor.bytes) << tensor.spec.name;
      ++number;
    }
  }
  EXPECT_EQ(model->stored_bytes, stored - 9 * kRepeatBytes);
  EXPECT_EQ(open(io::memory_source(Bytes(*plain)), "a.bbz")->stored_bytes, stored);
}

}  // namespace
}  // namespace bbz::model
