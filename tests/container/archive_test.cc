// Whole archives: round trips, and every rule of the container broken under whole checksums.
#include <gmock/gmock.h>

#include "bbz/base/zstd_frame.h"
#include "bbz/container/record_writer.h"
#include "container/raw_archive.h"
#include "container/walk.h"
#include "io/faulty.h"

namespace bbz::container {
namespace {

using raw::Buffer;
using ::testing::HasSubstr;

struct Verdict {
  Code code;
  std::string message;
};
Verdict verdict(const Status& status) {
  return {status.code(), status.ok() ? "" : status.error().message};
}

Verdict streamed(const Buffer& bytes, const Limits& limits = {}) {
  const auto memory = io::memory_source(bytes);
  io::SequentialSource source(*memory);
  const Verdict pipe = verdict(walk_stream(source, limits));
  const Verdict file = verdict(walk_stream(*memory, limits));
  EXPECT_EQ(pipe.code, file.code) << pipe.message << " / " << file.message;
  return pipe;
}
Verdict opened(const Buffer& bytes, bool use_front = false, const Limits& limits = {}) {
  const auto source = io::memory_source(bytes);
  return verdict(walk_index(*source, use_front, limits));
}

Buffer write_with_library(const raw::Archive& archive, io::Sink& sink, const Buffer& out) {
  FileHeader header;
  header.required_features = archive.header.required;
  header.digest_kind = archive.kind();
  std::uint64_t room = 0;
  for (const auto& r : archive.records) room += r.entry().size();
  RecordWriter writer(sink, header, room);
  EXPECT_TRUE(writer.begin().ok());
  for (const auto& r : archive.records) {
    const auto head = writer.append(static_cast<RecordType>(r.type), r.meta, r.payload);
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
  for (const bool front : {false, true}) {
    for (const bool sha : {false, true}) {
      raw::Archive archive = raw::sample(front, sha);
      archive.zstd_list = zstd;
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
      EXPECT_EQ(static_cast<std::uint8_t>(record.head.type), expected.type);
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
  source.forget();
  const auto end = open_by_index(source, {}, false);
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(source.touched(32 + 72, end->trailer.index_offset));
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

// One broken rule: the archive, and the code that each way of reading must give.
struct Broken {
  const char* name;
  std::function<void(raw::Archive&)> edit;
  Code stream;
  Code seek;
  Code front = Code::kOk;  // opened by its front index; kOk: has none
  const char* says = "";   // part of the message
};

void expect_broken(const Broken& b, bool front) {
  SCOPED_TRACE(std::string(b.name) + (front ? ", front index" : ""));
  raw::Archive archive = raw::sample(front);
  b.edit(archive);
  const Buffer bytes = archive.bytes();
  const Verdict s = streamed(bytes);
  const Verdict o = opened(bytes);
  EXPECT_EQ(s.code, b.stream) << s.message;
  EXPECT_EQ(o.code, b.seek) << o.message;
  EXPECT_TRUE((s.message + "|" + o.message).find(b.says) != std::string::npos)
      << s.message << " / " << o.message;
  if (!front) return;
  const Verdict f = opened(bytes, true);
  EXPECT_EQ(f.code, b.front) << f.message;
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
      "last required feature", [](H& h) { h.required = 0x80000000; }, Code::kUnsupported);
  one(
      "digest kind 0", [](H& h) { h.digest_kind = 0; }, Code::kUnsupported);
  one(
      "digest kind 3", [](H& h) { h.digest_kind = 3; }, Code::kUnsupported);
  one(
      "reserved 21", [](H& h) { h.reserved = 1; }, Code::kUnsupported);
  one(
      "reserved 23", [](H& h) { h.reserved = 0x800000; }, Code::kUnsupported);
  one(
      "minor", [](H& h) { h.minor = 0xFFFF; }, Code::kOk);
  one(
      "optional features", [](H& h) { h.optional = 0xFFFFFFFF; }, Code::kOk);
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
      {"offset", at(1, [](auto& r) { r.sealed_for = 1; }), Code::kChecksum, Code::kOk, Code::kOk,
       "record head at offset"},
      {"flag", at(1, [](auto& r) { r.flags = 4; }), Code::kUnsupported, Code::kUnsupported,
       Code::kUnsupported, "reserved flags"},
      {"skippable file", at(1, [](auto& r) { r.flags = 1; }), Code::kMalformed, Code::kMalformed,
       Code::kMalformed, "flags 0x01, expected 0x00"},
      {"metadata not skippable", at(0, [](auto& r) { r.flags = 2; }), Code::kMalformed,
       Code::kMalformed, Code::kMalformed, "flags 0x02, expected 0x03"},
      {"metadata without payload", at(0, [](auto& r) { r.flags = 1, r.payload = {}; }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "flags 0x01, expected 0x03"},
      {"unknown type", at(10, [](auto& r) { r.flags = 2; }), Code::kUnsupported, Code::kUnsupported,
       Code::kUnsupported, "unknown type 200"},
      {"type 0", at(10, [](auto& r) { r.flags = 2, r.type = 0; }), Code::kUnsupported,
       Code::kUnsupported, Code::kUnsupported, "unknown type 0"},
      {"payload of a file", at(1, [](auto& r) { r.flags = 2, r.payload = raw::text("x"); }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "flags 0x02, expected 0x00"},
      {"payload checksum", at(5, [](auto& r) { r.says_payload_checksum = 7; }), Code::kChecksum,
       Code::kChecksum, Code::kChecksum, "payload checksum 0000000000000007"},
      {"payload over the limit", at(5, [](auto& r) { r.says_payload_length = (64 << 20) + 1; }),
       Code::kLimit, Code::kLimit, Code::kLimit, "the limit is 67108864"},
      {"end beyond 64 bits", at(10, [](auto& r) { r.says_payload_length = kMax; }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "beyond 64 bits"},
      {"payload beyond the archive", at(5, [](auto& r) { r.says_payload_length = 64 << 20; }),
       Code::kTruncated, Code::kMalformed, Code::kTruncated},
      {"unknown payload beyond the archive",
       at(10, [](auto& r) { r.says_payload_length = kMax / 2; }), Code::kTruncated,
       Code::kMalformed, Code::kTruncated},
      {"trailer among the records",
       at(10,
          [](auto& r) {
            r = {8, 0, raw::Fields().zeros(64), {}};
          }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "trailer"},
      {"index among the records",
       at(10,
          [](auto& r) {
            r = {7, 2, raw::IndexFields{}.encode(), {}};
          }),
       Code::kMalformed, Code::kMalformed, Code::kMalformed, "index"},
  };
  for (const Broken& b : cases) {
    expect_broken(b, false);
    expect_broken(b, true);
  }
}

TEST(Archive, RefusesABrokenIndexOrTrailer) {
  using T = raw::TrailerFields;
  const auto trailer = [](std::function<void(T&)> edit) {
    return [=](raw::Archive& a) { a.edit_trailer = edit; };
  };
  const auto index = [](std::function<void(raw::Record&)> edit) {
    return [=](raw::Archive& a) { a.edit_index = edit; };
  };
  const auto fields = [](std::function<void(raw::IndexFields&)> edit) {
    return [=](raw::Archive& a) { a.edit_index_fields = edit; };
  };
  constexpr auto kBad = Code::kMalformed;
  const Broken cases[] = {
      {"index offset", trailer([](T& t) { ++t.index_offset, --t.index_length; }), kBad, kBad},
      {"index length", trailer([](T& t) { ++t.index_length; }), kBad, kBad},
      {"index beyond 64 bits", trailer([](T& t) { t.index_offset = ~std::uint64_t{0}; }), kBad,
       kBad},
      {"index wraps", trailer([](T& t) {
         t.index_length = t.index_offset - 32, t.index_offset = std::uint64_t{0} - t.index_length;
       }),
       kBad, kBad},
      {"index in the header",
       trailer([](T& t) { t.index_length += t.index_offset, t.index_offset = 0; }), kBad, kBad,
       Code::kOk, "does not end there"},
      {"index is a file",
       trailer([](T& t) { t.index_length += t.index_offset - 32, t.index_offset = 32; }), kBad,
       kBad},
      {"trailer's count", trailer([](T& t) { ++t.record_count; }), kBad, kBad, Code::kOk,
       "records"},
      {"archive length", trailer([](T& t) { ++t.archive_length; }), kBad, kBad, Code::kOk,
       "archive length"},
      {"bytes after the root", trailer([](T& t) { t.root[31] = std::byte{1}; }), Code::kUnsupported,
       Code::kUnsupported},
      {"short trailer", trailer([](T& t) { t.root.pop_back(), --t.archive_length; }), kBad,
       Code::kTruncated},
      {"index count", fields([](auto& f) { --f.record_count; }), kBad, kBad},
      {"index at front at the end", fields([](auto& f) { f.place = 1; }), kBad, kBad},
      {"index place 2", fields([](auto& f) { f.place = 2; }), Code::kUnsupported,
       Code::kUnsupported},
      {"index coding 2", fields([](auto& f) { f.coding = 2; }), Code::kUnsupported,
       Code::kUnsupported},
      {"index reserved", fields([](auto& f) { f.reserved = 1; }), Code::kUnsupported,
       Code::kUnsupported},
      {"last reserved byte", index([](auto& r) { r.meta[39] = std::byte{1}; }), Code::kUnsupported,
       Code::kUnsupported},
      {"index tail", fields([](auto& f) { ++f.tail_length; }), kBad, kBad, Code::kOk, "tail"},
      {"list longer than the payload", fields([](auto& f) { ++f.list_length; }), kBad, kBad,
       Code::kOk, "cannot hold a list"},
      {"list shorter than the payload", fields([](auto& f) { --f.list_length; }), kBad, kBad,
       Code::kOk, "cannot hold a list"},
      {"list checksum", fields([](auto& f) { f.list_checksum ^= 1; }), Code::kChecksum,
       Code::kChecksum, Code::kOk, "list checksum"},
      {"list over the limit", fields([](auto& f) { f.list_length = (1 << 30) + 1; }), Code::kLimit,
       Code::kLimit, Code::kOk, "the limit is 1073741824"},
      {"index meta", index([](auto& r) { r.meta.pop_back(); }), kBad, kBad},
      {"index payload checksum", index([](auto& r) { r.says_payload_checksum = 1; }),
       Code::kChecksum, Code::kChecksum},
      {"index too long", index([](auto& r) { r.payload.resize(r.payload.size() + 5); }), kBad,
       kBad},
      {"index over the limit", index([](auto& r) { r.says_payload_length = (1 << 30) + 1; }),
       Code::kLimit, Code::kLimit},
      {"index past the trailer",
       index([](auto& r) { r.says_payload_length = r.payload.size() + 1; }), kBad, kBad, Code::kOk,
       "the trailer begins at"},
      {"index cut in a head",
       [](raw::Archive& a) { a.edit_list = [](Buffer& l) { l.resize(l.size() - 20); }; }, kBad,
       kBad},
      {"index without the last record",
       [](raw::Archive& a) { a.edit_list = [](Buffer& l) { l.resize(l.size() - 40); }; }, kBad,
       kBad},
      {"record between index and trailer",
       [](raw::Archive& a) {
         a.edit_trailer_record = [](raw::Record& r) { r = {200, 1, {}, {}}; };
       },
       kBad, Code::kTruncated},
      {"byte between index and trailer", index([](auto& r) {
         r.says_payload_length = r.payload.size();
         r.says_payload_checksum = xxh3_64(r.payload);
         r.payload.push_back(std::byte{0});
       }),
       kBad, kBad, Code::kOk, "the trailer begins at"},
      {"index lists another head",
       [](raw::Archive& a) { a.edit_list = [](Buffer& l) { l.back() ^= std::byte{1}; }; }, kBad,
       Code::kOk, Code::kOk, "does not list the 19 records"},
      {"bytes after the trailer", [](raw::Archive& a) { a.tail.resize(1); }, kBad,
       Code::kTruncated},
      {"a second archive", [](raw::Archive& a) { a.tail = raw::sample().bytes(); }, kBad,
       Code::kChecksum},
  };
  for (const Broken& b : cases) expect_broken(b, false);
}

TEST(Archive, ComparesBothIndexes) {
  const auto front = [](std::function<void(raw::Record&)> edit) {
    return [=](raw::Archive& a) { a.edit_front = edit; };
  };
  const auto fields = [](std::function<void(raw::IndexFields&)> edit) {
    return [=](raw::Archive& a) { a.edit_front_fields = edit; };
  };
  const auto list = [](std::function<void(Buffer&)> edit) {
    return [=](raw::Archive& a) { a.edit_front_list = edit; };
  };
  constexpr auto kBad = Code::kMalformed;
  const Broken cases[] = {
      {"says that it is at the end", fields([](auto& f) { f.place = 0; }), kBad, kBad, kBad},
      {"another count", fields([](auto& f) { ++f.record_count; }), kBad, kBad, kBad},
      {"a shorter tail", fields([](auto& f) { --f.tail_length; }), kBad, kBad, kBad},
      {"a longer tail", fields([](auto& f) { ++f.tail_length; }), kBad, kBad, Code::kTruncated},
      {"a tail beyond the archive", fields([](auto& f) { f.tail_length = ~std::uint64_t{0}; }),
       kBad, kBad, Code::kTruncated},
      {"says that it is zstd", fields([](auto& f) { f.coding = 1; }), kBad, kBad, kBad},
      {"is no index", front([](auto& r) { r.type = 6; }), kBad, kBad, kBad},
      {"another list", list([](auto& l) { l.back() ^= std::byte{1}; }), kBad, kBad, Code::kOk},
      {"a damaged list", front([](auto& r) { r.payload.back() ^= std::byte{1}; }), Code::kChecksum,
       Code::kOk, Code::kChecksum},
      {"a damaged payload", front([](auto& r) { r.says_payload_checksum = 3; }), Code::kChecksum,
       Code::kOk, Code::kChecksum},
      {"lists less", list([](auto& l) { l.pop_back(); }), kBad, kBad, Code::kChecksum},
  };
  for (const Broken& b : cases) expect_broken(b, true);
  // An archive cut short behind its front index.
  const Buffer bytes = raw::sample(true).bytes();
  const auto begin = open_by_index(*io::memory_source(bytes), {}, true)->index.begin;
  for (std::uint64_t size = begin; size < bytes.size(); ++size) {
    ASSERT_EQ(opened(Buffer(bytes.begin(), bytes.begin() + size), true).code, Code::kTruncated);
  }
}

// A record of 80 bytes at the end of a cut archive is not taken for the trailer.
TEST(Archive, CutAtARecordOfTheTrailersSize) {
  raw::Archive archive;
  archive.records = {raw::Record{200, 3, {}, Buffer(48)}};
  Buffer bytes = archive.bytes();
  bytes.resize(32 + 80);
  EXPECT_EQ(opened(bytes).code, Code::kTruncated);
  EXPECT_EQ(streamed(bytes).code, Code::kTruncated);
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

}  // namespace
}  // namespace bbz::container
