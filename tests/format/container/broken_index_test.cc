// Every rule of the index and the trailer broken under whole checksums.
#include "format/container/verdict.h"

namespace bbz::container {
namespace {

TEST(BrokenIndex, RefusesABrokenIndexOrTrailer) {
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
      {"shorter index", trailer([](T& t) { --t.index_length; }), kBad, kBad},
      {"longer index", trailer([](T& t) { ++t.index_length; }), kBad, kBad},
      {"no index", trailer([](T& t) { t.index_length = 0; }), kBad, kBad},
      {"index beyond 64 bits", trailer([](T& t) { t.index_length = ~std::uint64_t{0}; }), kBad,
       kBad},
      {"index in the header", trailer([](T& t) { t.index_length = t.archive_length - 73 - 31; }),
       kBad, kBad, Code::kOk, "would begin in the file header"},
      {"index is a file", trailer([](T& t) { t.index_length = t.archive_length - 73 - 32; }), kBad,
       kBad},
      {"trailer's id", trailer([](T& t) { ++t.id; }), kBad, kBad, Code::kOk, "id of the archive"},
      {"index's id", fields([](auto& f) { ++f.id; }), kBad, kBad, Code::kOk, "id of the archive"},
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
      {"list over the limit", fields([](auto& f) { f.list_length = (256 << 20) + 1; }),
       Code::kLimit, Code::kLimit, Code::kOk, "the limit is 268435456"},
      {"index meta", index([](auto& r) { r.meta.pop_back(); }), kBad, kBad},
      {"index payload check", index([](auto& r) { r.says_payload_check = 1; }), Code::kChecksum,
       Code::kChecksum},
      {"index too long", index([](auto& r) { r.payload.resize(r.payload.size() + 5); }), kBad,
       kBad},
      {"index over the limit", index([](auto& r) { r.says_payload_length = (256 << 20) + 1; }),
       Code::kLimit, Code::kLimit},
      {"index past the trailer",
       index([](auto& r) { r.says_payload_length = r.payload.size() + 1; }), kBad, kBad, Code::kOk,
       "the trailer begins at"},
      {"index cut in an entry",
       [](raw::Archive& a) { a.edit_list = [](Buffer& l) { l.resize(l.size() - 10); }; }, kBad,
       kBad},
      {"index without the last record",
       [](raw::Archive& a) {
         const std::size_t last = a.records.back().entry().size();
         a.edit_list = [=](Buffer& l) { l.resize(l.size() - last); };
       },
       kBad, kBad},
      {"record between index and trailer",
       [](raw::Archive& a) {
         a.edit_trailer_record = [](raw::Record& r) { r = {200, raw::kSkippable, {}, {}}; };
       },
       kBad, Code::kTruncated},
      {"byte between index and trailer", index([](auto& r) {
         r.says_payload_length = r.payload.size();
         r.says_payload_check = check32(r.payload);
         r.payload.push_back(std::byte{0});
       }),
       kBad, kBad, Code::kOk, "the trailer begins at"},
      {"index lists another head",
       [](raw::Archive& a) { a.edit_list = [](Buffer& l) { l.back() ^= std::byte{1}; }; }, kBad,
       Code::kOk, Code::kOk, "does not list the 18 records"},
      {"bytes after the trailer", [](raw::Archive& a) { a.tail.resize(1); }, kBad,
       Code::kTruncated},
      // Its trailer is one of this archive, but for the place.
      {"a second archive", [](raw::Archive& a) { a.tail = raw::sample().bytes(); }, kBad, kBad,
       Code::kOk, "archive length"},
      {"a second archive with another id",
       [](raw::Archive& a) {
         raw::Archive second = raw::sample();
         ++second.header.id;
         a.tail = second.bytes();
       },
       kBad, Code::kChecksum, Code::kOk, "record head at offset"},
  };
  for (const Broken& b : cases) expect_broken(b, false);
}

TEST(BrokenIndex, ComparesBothIndexes) {
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
      {"another id", fields([](auto& f) { ++f.id; }), kBad, kBad, kBad},
      {"a shorter tail", fields([](auto& f) { --f.tail_length; }), kBad, kBad, kBad},
      {"a longer tail", fields([](auto& f) { ++f.tail_length; }), kBad, kBad, Code::kTruncated},
      {"a tail beyond the archive", fields([](auto& f) { f.tail_length = ~std::uint64_t{0}; }),
       kBad, kBad, Code::kTruncated},
      {"says that it is zstd", fields([](auto& f) { f.coding = 1; }), kBad, kBad, kBad},
      {"is no index", front([](auto& r) { r.type = 6; }), kBad, kBad, kBad},
      {"another list", list([](auto& l) { l.back() ^= std::byte{1}; }), kBad, kBad, Code::kOk},
      {"a damaged list", front([](auto& r) { r.payload.back() ^= std::byte{1}; }), Code::kChecksum,
       Code::kOk, Code::kChecksum},
      {"a damaged payload", front([](auto& r) { r.says_payload_check = 3; }), Code::kChecksum,
       Code::kOk, Code::kChecksum},
      {"lists less", list([](auto& l) { l.pop_back(); }), kBad, kBad, Code::kMalformed},
  };
  for (const Broken& b : cases) expect_broken(b, true);
  // An archive cut short behind its front index.
  const Buffer bytes = raw::sample(true).bytes();
  const auto begin = open_by_index(*io::memory_source(bytes), {}, true)->index.begin;
  for (std::uint64_t size = begin; size < bytes.size(); ++size) {
    ASSERT_EQ(opened(Buffer(bytes.begin(), bytes.begin() + size), true).code, Code::kTruncated);
  }
}

// A record of 73 bytes at the end of a cut archive is not taken for the trailer.
TEST(BrokenIndex, CutAtARecordOfTheTrailersSize) {
  raw::Archive archive;
  archive.records = {raw::Record{200, raw::kSkippable, Buffer(62), {}}};
  ASSERT_EQ(archive.records[0].size(), 73u);
  Buffer bytes = archive.bytes();
  bytes.resize(32 + 73);
  EXPECT_EQ(opened(bytes).code, Code::kTruncated);
  EXPECT_EQ(streamed(bytes).code, Code::kTruncated);
}

}  // namespace
}  // namespace bbz::container
