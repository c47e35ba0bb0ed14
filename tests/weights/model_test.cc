#include "bbz/weights/model.h"

#include <gtest/gtest.h>

#include "bbz/archive/writer.h"

namespace bbz::weights {
namespace {

// An archive of a config.json of this many bytes.
std::vector<std::byte> with_config(std::uint64_t size) {
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  const auto writer = std::move(*Writer::create(*sink, {}));
  EXPECT_TRUE(writer->begin_file("config.json").ok());
  EXPECT_TRUE(writer->begin_tensor(TensorSpec::bytes(size)).ok());
  EXPECT_TRUE(writer->write(std::vector<std::byte>(size, std::byte{' '})).ok());
  EXPECT_TRUE(writer->end_tensor().ok());
  EXPECT_TRUE(writer->end_file().ok());
  EXPECT_TRUE(writer->finish().ok());
  return archive;
}

TEST(ModelOfAnArchive, TakesNoConfigOfMoreThanTheLimit) {
  constexpr std::uint64_t kMost = 16 << 20;
  for (const std::uint64_t size : {std::uint64_t{100}, kMost, kMost + 1}) {
    const auto archive = with_config(size);
    const auto model = open(io::memory_source(Bytes(archive)), "a.bbz");
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->config.size(), size > kMost ? 0 : size);
  }
}

} // namespace
} // namespace bbz::weights
