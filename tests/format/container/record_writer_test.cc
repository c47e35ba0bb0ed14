// What RecordWriter refuses, and what it makes of a sink that fails. What it writes is compared
// with the specification's bytes in archive_test.cc.
#include <gmock/gmock.h>

#include "bbz/format/container/record_writer.h"
#include "format/container/raw_archive.h"
#include "support/faulty.h"

namespace bbz::container {
namespace {

using raw::Buffer;

TEST(RecordWriter, ReportsWhatCannotBeWritten) {
  Buffer out;
  const auto memory = io::memory_sink(out);
  FileHeader header;
  RecordWriter writer(*memory, header);
  ASSERT_TRUE(writer.begin().ok());
  EXPECT_EQ(writer.append(RecordType::kFile, Buffer(0x10000), {}).code(), Code::kLimit);
  EXPECT_TRUE(writer.append(RecordType::kFile, Buffer(0xFFFF), {}).ok());

  header.required_features = kFeatureIndexFirst;
  RecordWriter wrong_room(*memory, header, 1);
  ASSERT_TRUE(wrong_room.begin().ok());
  EXPECT_EQ(wrong_room.finish({}).code(), Code::kInternal);

  const auto write_sample = [](io::Sink& sink) -> Status {
    RecordWriter failing(sink, {});
    BBZ_TRY(failing.begin());
    for (const auto& r : raw::sample().records) {
      BBZ_TRY(failing.append(static_cast<RecordType>(r.type), r.meta, r.payload));
    }
    return failing.finish({});
  };
  Buffer whole;
  ASSERT_TRUE(write_sample(*io::memory_sink(whole)).ok());
  for (std::uint64_t most = 0; most < whole.size(); most += 13) {
    Buffer part;
    const auto inner = io::memory_sink(part);
    io::FailingSink sink(*inner, most);
    EXPECT_EQ(write_sample(sink).code(), Code::kIo);
  }
}

}  // namespace
}  // namespace bbz::container
