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
  RecordWriter wrong_room(*memory, header, 1, 1);
  ASSERT_TRUE(wrong_room.begin().ok());
  ASSERT_TRUE(wrong_room.append(RecordType::kFile, Buffer(1), {}).ok());
  EXPECT_EQ(wrong_room.finish({}).code(), Code::kInternal);

  const auto write_sample = [](io::Sink& sink) -> Status {
    RecordWriter failing(sink, {});
    BBZ_TRY(failing.begin());
    for (const auto& r : raw::sample().records) {
      BBZ_TRY(failing.append(static_cast<RecordType>(r.type), r.meta, r.payload, r.more()));
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

// The id is that of the header and the entries up to the first chunk, or of 64 KiB of them and their
// payloads.
TEST(RecordWriter, DerivesTheIdFromTheFirstRecords) {
  const Buffer long_value(64 * 1024);
  const auto id_of = [](const std::vector<raw::Record>& records, std::size_t counted) {
    Buffer out;
    const auto sink = io::memory_sink(out);
    RecordWriter writer(*sink, {});
    EXPECT_TRUE(writer.begin().ok());
    for (std::size_t i = 0; i < records.size(); ++i) {
      const raw::Record& r = records[i];
      EXPECT_TRUE(writer.append(static_cast<RecordType>(r.type), r.meta, r.payload, r.more()).ok());
      EXPECT_EQ(out.empty(), i + 1 < counted) << i;
    }
    EXPECT_TRUE(writer.finish({}).ok());
    Buffer hashed(out.begin() + 8, out.begin() + 16);
    for (std::size_t i = 0; i < std::min(counted, records.size()); ++i) {
      raw::append(hashed, records[i].entry());
    }
    EXPECT_EQ(raw::id_of(out), xxh3_64(hashed));
    EXPECT_EQ(raw::record_offsets(out).size(), records.size() + 2);
    return raw::id_of(out);
  };
  std::vector<raw::Record> records = raw::sample().records;
  records.erase(records.begin() + 8);  // its type is not known to the writer
  const std::uint64_t id = id_of(records, 5);
  EXPECT_EQ(id_of(records, 5), id);
  records[5].meta.back() ^= std::byte{1};  // of another tensor
  EXPECT_EQ(id_of(records, 5), id);
  records[4].meta.back() ^= std::byte{1};  // of the decoded checksum
  EXPECT_NE(id_of(records, 5), id);
  EXPECT_NE(id_of({raw::file(0, "a")}, 2), id_of({raw::file(0, "b")}, 2));
  EXPECT_NE(id_of({}, 1), 0u);
  records.insert(records.begin() + 2, raw::metadata(raw::kNone, "k", std::string(64 * 1024, 'x')));
  id_of(records, 3);
}

// The room of an index at the front is that of the longest payloads, and what is left of it is zero.
TEST(RecordWriter, AFrontIndexMayHaveRoomToSpare) {
  const raw::Archive archive = raw::sample(true);
  FileHeader header;
  header.required_features = kFeatureIndexFirst;
  RecordWriter measuring(*io::null_sink(), header);
  for (const auto& r : archive.records) {
    const auto type = static_cast<RecordType>(r.type);
    ASSERT_TRUE(measuring.measure(type, r.meta, 1u << 20, r.more()).ok());
  }
  const std::uint64_t room = measuring.most_index_bytes();
  EXPECT_EQ(room,
            archive.list_size() + 2 * 11);  // eleven payloads of a length in one byte, not three
  Buffer out;
  const auto sink = io::memory_sink(out);
  RecordWriter writer(*sink, header, std::nullopt, room);
  ASSERT_TRUE(writer.begin().ok());
  for (const auto& r : archive.records) {
    const auto type = static_cast<RecordType>(r.type);
    ASSERT_TRUE(writer.append(type, r.meta, r.payload, r.more()).ok());
  }
  ASSERT_TRUE(writer.finish({}).ok());
  for (const bool front : {false, true}) {
    const auto opened = open_by_index(*io::memory_source(out), {}, front);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(opened->index.list.size(), archive.list_size());
  }
}

}  // namespace
}  // namespace bbz::container
