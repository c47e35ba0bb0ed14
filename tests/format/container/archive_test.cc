// Whole archives: round trips, and every rule of the container broken under whole checksums.
#include <gmock/gmock.h>

#include "bbz/base/zstd_frame.h"
#include "bbz/format/container/record_writer.h"
#include "format/container/raw_archive.h"
#include "format/container/verdict.h"
#include "support/faulty.h"

namespace bbz::container {
namespace {

using raw::Buffer;
using ::testing::HasSubstr;

Buffer write_with_library(const raw::Archive& archive, io::Sink& sink, const Buffer& out) {
  FileHeader header;
  header.required_features = archive.header.required;
  header.digest_kind = archive.kind();
  RecordWriter writer(sink, header, archive.header.id, archive.list_size());
  EXPECT_TRUE(writer.begin().ok());
  for (const auto& r : archive.records) {
    const auto head = writer.append(static_cast<RecordType>(r.type), r.meta, r.payload, r.more());
    EXPECT_TRUE(head.ok());
    EXPECT_EQ(head->end(), writer.offset());
  }
  Digest root;
  root.kind = archive.kind();
  std::ranges::copy(raw::root_digest(archive.records, root.kind), root.bytes.begin());
  EXPECT_TRUE(writer.finish(root).ok());
  return out;
}

Buffer zstd(const Buffer& list) {
  Buffer frame;
  EXPECT_TRUE(encode_zstd_frame(list, 9, list.size(), frame));
  return frame;
}

TEST(Archive, WriterGivesTheBytesOfTheSpecification) {
  // The list is coded if that makes it shorter: if a key repeats a letter.
  for (const bool front : {false, true}) {
    for (const bool coded : {false, true}) {
      raw::Archive archive = raw::sample(front, coded);
      if (coded) {
        archive.records[0] = raw::metadata(raw::kNone, std::string(255, 'k'), "tiny", true);
        archive.zstd_list = zstd;
      }
      Buffer out;
      const auto sink = io::memory_sink(out);
      EXPECT_EQ(write_with_library(archive, *sink, out), archive.bytes());
    }
  }
}

TEST(Archive, BothWaysOfReadingGiveTheRecords) {
  for (const bool front : {false, true}) {
    const raw::Archive archive = raw::sample(front);
    const Buffer bytes = archive.bytes();
    std::size_t next = 0;
    const auto expect = [&](const RecordView& record) -> Status {
      const raw::Record& expected = archive.records.at(next++);
      EXPECT_EQ(static_cast<std::uint32_t>(record.head.type), expected.type);
      EXPECT_EQ(Buffer(record.meta.begin(), record.meta.end()), expected.meta);
      EXPECT_EQ(record.head.payload_length, expected.payload.size());
      return {};
    };
    const auto memory = io::memory_source(bytes);
    io::ShortReadSource shorts(*memory, 7);
    io::SequentialSource pipe(shorts);
    Trailer first;
    Trailer second;
    EXPECT_EQ(verdict(walk_stream(pipe, {}, expect, &first)).message, "");
    EXPECT_EQ(next, archive.records.size());
    next = 0;
    EXPECT_EQ(verdict(walk_index(shorts, false, {}, expect, &second)).message, "");
    EXPECT_EQ(next, archive.records.size());
    EXPECT_EQ(first.root, second.root);
    EXPECT_EQ(first.archive_length, bytes.size());
    next = 0;
    EXPECT_EQ(verdict(walk_index(shorts, true, {}, expect)).message, "");
    EXPECT_EQ(next, archive.records.size());
  }
}

TEST(Archive, OpeningReadsHeaderIndexAndTrailerOnly) {
  const Buffer bytes = raw::sample(true).bytes();
  const auto memory = io::memory_source(bytes);
  io::CountingSource source(*memory);
  const auto front = open_by_index(source, {}, true);
  ASSERT_TRUE(front.ok());
  EXPECT_FALSE(source.touched(front->index.begin, bytes.size()));
  EXPECT_FALSE(front->trailer.has_value());
  source.forget();
  const auto end = open_by_index(source, {}, false);
  ASSERT_TRUE(end.ok());
  ASSERT_TRUE(end->trailer.has_value());
  EXPECT_FALSE(source.touched(end->index.begin, end->trailer->index_offset()));
  EXPECT_EQ(front->index.list, end->index.list);
  EXPECT_EQ(front->index.end, end->index.end);
}

TEST(Archive, SkippedPayloadsAreNotReadWhereTheSourceCanSeek) {
  const Buffer bytes = raw::sample().bytes();
  const auto memory = io::memory_source(bytes);
  io::CountingSource source(*memory);
  auto reader = RecordReader::open(source, {});
  ASSERT_TRUE(reader.ok());
  for (auto record = reader->next(); record.ok() && *record; record = reader->next()) {
    const RecordHead head = (*record)->head;
    EXPECT_FALSE(source.touched(head.payload_offset(), head.end()));
  }
  EXPECT_EQ(reader->trailer().archive_length, bytes.size());
}

TEST(Archive, ReadErrorsAreThoseOfTheSource) {
  const Buffer bytes = raw::sample(true).bytes();
  const auto memory = io::memory_source(bytes);
  for (std::uint64_t at = 0; at < bytes.size(); ++at) {
    io::FailingSource source(*memory, at);
    ASSERT_EQ(walk_stream(source).code(), Code::kIo) << at;
    ASSERT_EQ(walk_index(source).code(), Code::kIo) << at;
  }
}

TEST(Archive, NeedsASourceThatCanSeekToOpen) {
  const Buffer bytes = raw::sample().bytes();
  const auto memory = io::memory_source(bytes);
  io::SequentialSource source(*memory);
  EXPECT_EQ(open_by_index(source, {}, false).code(), Code::kInvalidArgument);
}

TEST(Archive, RefusesABrokenFileHeader) {
  const auto one = [](const char* name, std::function<void(raw::FileHeaderFields&)> edit,
                      Code code) {
    expect_broken({name, [&](raw::Archive& a) { edit(a.header); }, code, code}, false);
  };
  using H = raw::FileHeaderFields;
  one(
      "magic", [](H& h) { h.magic ^= 0x20; }, Code::kNotAnArchive);
  one(
      "major 0", [](H& h) { h.major = 0; }, Code::kUnsupported);
  one(
      "major 2", [](H& h) { h.major = 2; }, Code::kUnsupported);
  one(
      "required feature", [](H& h) { h.required = 2; }, Code::kUnsupported);
  one(
      "last required feature", [](H& h) { h.required = 0x8000; }, Code::kUnsupported);
  one(
      "digest kind 0", [](H& h) { h.digest_kind = 0; }, Code::kUnsupported);
  one(
      "digest kind 3", [](H& h) { h.digest_kind = 3; }, Code::kUnsupported);
  one(
      "alignment 3", [](H& h) { h.alignment = 3; }, Code::kUnsupported);
  one(
      "alignment 4", [](H& h) { h.alignment = 4; }, Code::kOk);
  one(
      "alignment 21", [](H& h) { h.alignment = 21; }, Code::kOk);
  one(
      "alignment 22", [](H& h) { h.alignment = 22; }, Code::kUnsupported);
  one(
      "minor", [](H& h) { h.minor = 0xFF; }, Code::kOk);
  one(
      "optional features", [](H& h) { h.optional = 0xFFFF; }, Code::kOk);
  one(
      "id", [](H& h) { h.id = ~h.id; }, Code::kOk);
  Buffer bytes = raw::sample().bytes();
  bytes[24] ^= std::byte{1};
  EXPECT_EQ(streamed(bytes).code, Code::kChecksum);
  EXPECT_EQ(opened({}).code, Code::kNotAnArchive);
  EXPECT_EQ(streamed({}).code, Code::kNotAnArchive);
}

TEST(Archive, RefusesABrokenRecord) {
  const auto at = [](std::size_t i, std::function<void(raw::Record&)> edit) {
    return [=](raw::Archive& a) { edit(a.records.at(i)); };
  };
  static constexpr auto kMax = ~std::uint64_t{0};
  const Broken cases[] = {
      // What the index does not repeat is of no matter to a reader that seeks.
      {"sync", at(1, [](auto& r) { r.sync ^= 1; }), Code::kMalformed, Code::kOk, Code::kOk, "sync"},
      {"another id", at(1, [](auto& r) { r.sealed_for = 1; }), Code::kChecksum, Code::kOk,
       Code::kOk, "record head at offset"},
      {"skippable file", at(1, [](auto& r) { r.flags = raw::kSkippable; }), Code::kMalformed,
       Code::kMalformed, Code::kMalformed, "flags 0x10, expected 0x00"},
      {"metadata not skippable", at(0, [](auto& r) { r.flags = raw::kPayload; }), Code::kMalformed,
       Code::kMalformed, Code::kMalformed, "flags 0x20, expected 0x30"},
      {"metadata without payload",
       at(0, [](auto& r) { r.flags = raw::kSkippable, r.payload = {}; }), Code::kMalformed,
       Code::kMalformed, Code::kMalformed, "flags 0x10, expected 0x30"},
      {"unknown type", at(8, [](auto& r) { r.flags = raw::kPayload; }), Code::kUnsupported,
       Code::kUnsupported, Code::kUnsupported, "unknown type 200"},
      {"type 0", at(8, [](auto& r) { r.flags = raw::kPayload, r.type = 0; }), Code::kUnsupported,
       Code::kUnsupported, Code::kUnsupported, "unknown type 0"},
      {"payload of a file",
       at(1, [](auto& r) { r.flags = raw::kPayload, r.payload = raw::text("x"); }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "flags 0x20, expected 0x00"},
      {"skippable tensor", at(4, [](auto& r) { r.flags |= raw::kSkippable; }), Code::kMalformed,
       Code::kMalformed, Code::kMalformed, "flags 0x30"},
      {"chunk without payload", at(6, [](auto& r) { r.flags = 0, r.payload = {}; }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "flags 0x00"},
      {"padded tensor without payload", at(10, [](auto& r) { r.flags = raw::kPadded; }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed},
      {"payload check", at(4, [](auto& r) { r.says_payload_check = 7; }), Code::kChecksum,
       Code::kChecksum, Code::kChecksum, "payload check 00000007"},
      {"payload over the limit", at(4, [](auto& r) { r.says_payload_length = (64 << 20) + 1; }),
       Code::kLimit, Code::kLimit, Code::kLimit, "the limit is 67108864"},
      {"payload of a chunk over the limit",
       at(6, [](auto& r) { r.says_payload_length = (64 << 20) + 1; }), Code::kLimit, Code::kLimit,
       Code::kLimit, "the limit is 67108864"},
      {"end beyond 64 bits", at(8, [](auto& r) { r.says_payload_length = kMax; }), Code::kMalformed,
       Code::kMalformed, Code::kMalformed, "beyond 64 bits"},
      {"payload beyond the archive", at(4, [](auto& r) { r.says_payload_length = 64 << 20; }),
       Code::kTruncated, Code::kMalformed, Code::kTruncated},
      {"unknown payload beyond the archive",
       at(8, [](auto& r) { r.says_payload_length = kMax / 2; }), Code::kTruncated, Code::kMalformed,
       Code::kTruncated},
      {"trailer among the records",
       at(8,
          [](auto& r) {
            r = {8, 0, raw::Fields().zeros(64), {}};
          }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "trailer"},
      {"index among the records",
       at(8,
          [](auto& r) {
            r = {7, raw::kPayload, raw::IndexFields{}.encode(), {}};
          }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "index"},
  };
  for (const Broken& b : cases) {
    expect_broken(b, false);
    expect_broken(b, true);
  }
}

TEST(Archive, AppliesLimits) {
  const Buffer bytes = raw::sample(true).bytes();
  const auto refused = [&](std::uint64_t Limits::*limit, std::uint64_t fits) {
    Limits limits;
    limits.*limit = fits;
    EXPECT_EQ(streamed(bytes, limits).code, Code::kOk);
    EXPECT_EQ(opened(bytes, false, limits).code, Code::kOk);
    limits.*limit = fits - 1;
    EXPECT_EQ(streamed(bytes, limits).code, Code::kLimit);
    EXPECT_EQ(opened(bytes, false, limits).code, Code::kLimit);
  };
  refused(&Limits::chunk_bytes, 4);
  refused(&Limits::metadata_bytes, 11);
  refused(&Limits::group_bytes, 5);
  refused(&Limits::index_bytes,
          open_by_index(*io::memory_source(bytes), {}, true)->index.list.size());
  // Without a front index a stream meets the limit before the index.
  Limits limits;
  limits.index_bytes = 100;
  EXPECT_THAT(streamed(raw::sample().bytes(), limits).message, HasSubstr("the entries so far"));
}

// A reader cannot know what such a record means, but it must notice that it was damaged.
TEST(Archive, ComparesThePayloadOfAnUnknownRecordWithItsChecksum) {
  for (const bool front : {false, true}) {
    const raw::Archive archive = raw::sample(front);
    Buffer bytes = archive.bytes();
    const Buffer payload = raw::text("version");
    const auto found = std::search(bytes.begin(), bytes.end(), payload.begin(), payload.end());
    ASSERT_NE(found, bytes.end());
    EXPECT_EQ(streamed(bytes).code, Code::kOk);
    for (const std::size_t at : {std::size_t{0}, payload.size() - 1}) {
      Buffer damaged = bytes;
      damaged[static_cast<std::size_t>(found - bytes.begin()) + at] ^= std::byte{4};
      const Verdict streaming = streamed(damaged);
      EXPECT_EQ(streaming.code, Code::kChecksum) << streaming.message;
    }
  }
}

// Entries that say nothing: their list is short once it is compressed.
TEST(Archive, AListIsInProportionToItsPayload) {
  raw::Archive archive = raw::sample();
  for (int i = 0; i < 60; ++i) {
    archive.records.push_back({1, 0, Buffer(60'000, std::byte{0}), {}});
  }
  archive.zstd_list = zstd;
  const Verdict by_index = opened(archive.bytes(), false, {}),
                by_stream = streamed(archive.bytes(), {});
  for (const Verdict& verdict : {by_index, by_stream}) {
    EXPECT_EQ(verdict.code, Code::kLimit);
    EXPECT_THAT(verdict.message, HasSubstr("a list of 36"));
  }
  // The writer makes no such index, and a short one may be in any proportion.
  Buffer out;
  const auto sink = io::memory_sink(out);
  write_with_library(archive, *sink, out);
  EXPECT_EQ(opened(out, false, {}).code, Code::kOk);
  EXPECT_EQ(streamed(out, {}).code, Code::kOk);
  archive.records.resize(archive.records.size() - 45);
  EXPECT_EQ(opened(archive.bytes(), false, {}).code, Code::kOk);
}

}  // namespace
}  // namespace bbz::container
