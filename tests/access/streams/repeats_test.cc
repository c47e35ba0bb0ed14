// Tensors with chunks that repeat others (codec same), as streams.
#include <iterator>

#include "archive/repeating.h"
#include "bbz/access/streams/tensor_stream.h"
#include "support/assert.h"

namespace bbz::streams {
namespace {

TEST(StreamsOfRepeats, GiveTheTensors) {
  const auto files = repeating_files();
  const auto archive = *write_sample(files, repeating_options());
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  std::uint32_t number = 0;
  for (const SampleFile& file : files) {
    for (const SampleTensor& tensor : file.tensors) {
      TensorIStream in(*reader, number++);
      const std::string text((std::istreambuf_iterator<char>(in)), {});
      EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(text)), tensor.bytes))
          << tensor.spec.name;
      EXPECT_FALSE(in.error().has_value());
    }
  }
}

}  // namespace
}  // namespace bbz::streams
