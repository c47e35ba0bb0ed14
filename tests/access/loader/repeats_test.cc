// Layers whose tensors repeat chunks of other layers (codec same).
#include "archive/repeating.h"
#include "bbz/access/loader/layer_loader.h"
#include "support/assert.h"

namespace bbz::loader {
namespace {

TEST(LayersOfRepeats, AreLoaded) {
  const auto files = repeating_files();
  const auto archive = *write_sample(files, repeating_options());
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  std::map<std::string, std::vector<std::byte>> expected;
  for (const SampleFile& file : files) {
    for (const SampleTensor& tensor : file.tensors) expected[tensor.spec.name] = tensor.bytes;
  }
  const auto loader = LayerLoader::start(*reader, plan_layers(reader->catalog()), {1 << 20});
  BBZ_ASSERT_OK(loader);
  std::size_t tensors = 0;
  while (true) {
    const auto layer = (*loader)->next();
    BBZ_ASSERT_OK(layer);
    if (!*layer) break;
    for (const LayerTensor& tensor : (*layer)->tensors()) {
      ++tensors;
      EXPECT_TRUE(std::ranges::equal(tensor.bytes, expected.at(tensor.name))) << tensor.name;
    }
  }
  EXPECT_EQ(tensors, expected.size());
}

}  // namespace
}  // namespace bbz::loader
