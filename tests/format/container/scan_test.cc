// What is found of damaged, cut and glued archives without their index.
#include <gmock/gmock.h>

#include "bbz/format/container/scan.h"
#include "format/container/raw_archive.h"
#include "support/faulty.h"

namespace bbz::container {
namespace {

using raw::Buffer;
using Offsets = std::vector<std::uint64_t>;

struct Found {
  Offsets records;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
};

// The id of the archives here.
const std::uint64_t kId = raw::FileHeaderFields{}.id;

Found scan(io::Source& source, const Limits& limits = {}) {
  Found found;
  const Status status = scan_records(
      source, kId, limits,
      [&](const RecordView& record) -> Status {
        found.records.push_back(record.head.offset);
        return {};
      },
      [&](const Gap& gap) { found.gaps.emplace_back(gap.begin, gap.end); });
  EXPECT_TRUE(status.ok());
  return found;
}
Found scan(const Buffer& bytes, const Limits& limits = {}) {
  return scan(*io::memory_source(bytes), limits);
}

TEST(Scan, FindsEveryRecordOfAWholeArchive) {
  for (const bool front : {false, true}) {
    const Buffer bytes = raw::sample(front).bytes();
    const Offsets all = raw::record_offsets(bytes);
    ASSERT_EQ(all.size(), front ? 21u : 20u);
    EXPECT_EQ(scan(bytes).records, all);
    EXPECT_TRUE(scan(bytes).gaps.empty());
  }
}

TEST(Scan, ShortReadsAndErrors) {
  const Buffer bytes = raw::sample().bytes();
  const auto memory = io::memory_source(bytes);
  io::ShortReadSource shorts(*memory, 11);
  EXPECT_EQ(scan(shorts).records, raw::record_offsets(bytes));
  const auto code = [](io::Source& source) {
    return scan_records(
               source, kId, {}, [](auto&) { return Status(); }, [](auto&) {})
        .code();
  };
  io::FailingSource failing(*memory, 500);
  EXPECT_EQ(code(failing), Code::kIo);
  io::SequentialSource pipe(*memory);
  EXPECT_EQ(code(pipe), Code::kInvalidArgument);
  const Status stopped = scan_records(
      *memory, kId, {},
      [](auto&) -> Status { return error_with_message(Code::kCancelled, "stop"); }, [](auto&) {});
  EXPECT_EQ(stopped.code(), Code::kCancelled);
}

TEST(Scan, CutAnywhere) {
  const Buffer bytes = raw::sample().bytes();
  const Offsets all = raw::record_offsets(bytes);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Found found = scan(Buffer(bytes.begin(), bytes.begin() + size));
    Offsets expected;
    for (const std::uint64_t offset : all) {
      if (offset + raw::head_and_meta_size(bytes, offset) <= size) expected.push_back(offset);
    }
    ASSERT_EQ(found.records, expected) << size;
  }
}

TEST(Scan, ADamagedHeadCostsItsRecordOnly) {
  const Buffer bytes = raw::sample().bytes();
  const Offsets all = raw::record_offsets(bytes);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint64_t end = i + 1 < all.size() ? all[i + 1] : bytes.size();
    for (std::uint64_t byte = all[i]; byte < end; ++byte) {
      Buffer damaged = bytes;
      damaged[byte] ^= std::byte{0x10};
      const Found found = scan(damaged);
      Offsets expected = all;
      if (byte < all[i] + raw::head_and_meta_size(bytes, all[i])) {
        expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(i));
        ASSERT_EQ(found.gaps, (decltype(found.gaps){{all[i], end}})) << byte;
      }
      ASSERT_EQ(found.records, expected) << byte;
    }
  }
}

TEST(Scan, GluedAndNestedArchives) {
  raw::Archive outer = raw::sample();
  const Buffer inner = outer.bytes();
  // An archive within a payload is not taken for records of the outer one, even if it has its id.
  outer.records[8].payload = inner;
  Offsets own = raw::record_offsets(outer.bytes());
  EXPECT_EQ(own.size(), 2 * 20u);
  const std::uint64_t begin = outer.offset_of(8);
  std::erase_if(own, [&](std::uint64_t at) { return at > begin && at < outer.offset_of(9); });
  EXPECT_EQ(own.size(), 20u);
  EXPECT_EQ(scan(outer.bytes()).records, own);
  EXPECT_TRUE(scan(outer.bytes()).gaps.empty());
  // Nor is an archive that was glued behind another.
  Buffer glued = inner;
  raw::append(glued, inner);
  EXPECT_EQ(scan(glued).records, raw::record_offsets(inner));
  EXPECT_EQ(scan(glued).gaps, (decltype(Found::gaps){{inner.size(), glued.size()}}));
}

// A part of an archive, such as what a first attempt to copy it left behind, and then all of it.
TEST(Scan, AWholeArchiveBehindAPartOfIt) {
  const Buffer whole = raw::sample().bytes();
  const Offsets all = raw::record_offsets(whole);
  for (const std::size_t record : {std::size_t{3}, std::size_t{9}, all.size() - 1}) {
    Buffer bytes(whole.begin() + static_cast<std::ptrdiff_t>(all[record]), whole.end());
    Offsets expected;
    for (std::size_t i = record; i < all.size(); ++i) expected.push_back(all[i] - all[record]);
    for (const std::uint64_t at : all) expected.push_back(at + bytes.size());
    raw::append(bytes, whole);
    EXPECT_EQ(scan(bytes).records, expected) << record;
  }
}

// Of an archive with another id nothing is found, and of one with the same id no more than its
// header or its trailer cannot tell.
TEST(Scan, AnArchiveInADamagedPayload) {
  raw::Archive outer = raw::sample();
  raw::Archive inner = raw::sample(true);
  for (const bool same : {false, true}) {
    inner.header.id = same ? kId : kId + 1;
    const Buffer bytes = inner.bytes();
    outer.records[8].payload = bytes;
    outer.records[8].meta = raw::check_of(bytes, false);
    const Buffer whole = outer.bytes();
    Offsets all = raw::record_offsets(whole);
    const std::uint64_t begin = outer.offset_of(8);
    const std::uint64_t payload = begin + outer.records[8].head_size();
    const std::uint64_t end = payload + bytes.size();
    std::erase_if(all, [&](std::uint64_t at) { return at >= begin && at < end; });
    const auto expect = [&](Buffer damaged, const char* what) {
      damaged[begin + 5] ^= std::byte{1};
      const Found found = scan(damaged);
      EXPECT_EQ(found.records, all) << what;
      EXPECT_EQ(found.gaps, (decltype(found.gaps){{begin, end}})) << what;
    };
    expect(whole, "nothing else");
    Buffer damaged = whole;
    damaged[payload + 20] ^= std::byte{1};
    expect(damaged, "its header");
    damaged = whole;
    damaged[end - 20] ^= std::byte{1};
    expect(damaged, "its trailer");
  }
}

// Wherever a byte is lost or comes twice, all records but one are found.
TEST(Scan, FindsRecordsBehindBytesThatWereLostOrInserted) {
  for (const bool front : {false, true}) {
    const Buffer bytes = raw::sample(front).bytes();
    const Offsets all = raw::record_offsets(bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const bool lost : {false, true}) {
        Buffer shifted = bytes;
        const auto place = shifted.begin() + static_cast<std::ptrdiff_t>(at);
        if (lost) {
          shifted.erase(place);
        } else {
          shifted.insert(place, std::byte{0xC7});
        }
        const auto source = io::memory_source(shifted);
        ASSERT_EQ(find_id(*source).value(), kId) << at;
        std::vector<RecordType> types;
        const Status scanned = scan_records(
            *source, kId, {},
            [&](const RecordView& record) {
              types.push_back(record.head.type);
              return Status();
            },
            [](auto&) {});
        ASSERT_TRUE(scanned.ok());
        // A record that is hit is lost, or only its payload is, which hides the next one from the
        // reader if it is taken for longer than it is: the search goes on behind it.
        ASSERT_GE(types.size() + 2, all.size()) << at;
      }
    }
  }
}

// The next record then begins before the place where the payload was.
TEST(Scan, FindsTheRecordBehindAPadThatWasCut) {
  raw::Archive archive;
  archive.header.alignment = 7;
  const Buffer data(128, std::byte{1});
  archive.records = raw::join({
      raw::file(0, "f"),
      raw::tensor({.stored = 128, .chunk = 128, .shape = {128}}),
      raw::raw_chunk({}, data),
      raw::metadata(raw::kNone, "k", "v"),
  });
  archive.records[1].align(archive.offset_of(1), 128);
  const Buffer bytes = archive.bytes();
  const Offsets all = raw::record_offsets(bytes);
  ASSERT_EQ(all.size(), 5u);
  ASSERT_GT(archive.records[1].pad, 30u);
  const std::uint64_t pad = all[1] + archive.records[1].head_size();
  for (std::uint64_t from = pad; from < all[2]; ++from) {
    Buffer cut = bytes;
    const auto begin = cut.begin();
    cut.erase(begin + static_cast<std::ptrdiff_t>(from),
              begin + static_cast<std::ptrdiff_t>(all[2]));
    const std::uint64_t lost = all[2] - from;
    Offsets expected = {all[0], all[1], all[2] - lost, all[3] - lost, all[4] - lost};
    // Records that end where the one that was cut would have are not seen.
    if (lost == all[3] - all[2]) expected = {all[0], all[1], all[3] - lost, all[4] - lost};
    if (lost == all[4] - all[2]) expected = {all[0], all[1], all[4] - lost};
    EXPECT_EQ(scan(cut).records, expected) << from;
  }
}

TEST(Scan, FindsTheId) {
  const Buffer bytes = raw::sample(true).bytes();
  const Offsets all = raw::record_offsets(bytes);
  const auto id_of = [](const Buffer& b) { return find_id(*io::memory_source(b)).value(); };
  const auto damage = [](Buffer& b, std::uint64_t at) { b[at] ^= std::byte{1}; };
  EXPECT_EQ(id_of(bytes), kId);
  Buffer damaged = bytes;
  damage(damaged, 16);  // the header
  EXPECT_EQ(id_of(damaged), kId);
  damage(damaged, all[all.size() - 1] + 5);  // the trailer
  EXPECT_EQ(id_of(damaged), kId);
  damage(damaged, all[all.size() - 2] + 5);  // the index at the end
  EXPECT_EQ(id_of(damaged), kId);
  damage(damaged, all[0] + 5);  // the index at the front
  EXPECT_EQ(id_of(damaged), std::nullopt);
  // A header of another archive in a payload does not count as long as something else is there.
  EXPECT_EQ(id_of({}), std::nullopt);
  Buffer only_header(10);
  raw::append(only_header, raw::FileHeaderFields{}.encode());
  EXPECT_EQ(id_of(only_header), kId);
}

TEST(Scan, AGapOfAByteIsAGap) {
  Buffer bytes = raw::FileHeaderFields{}.encode();
  bytes.push_back({});
  const RecordHead head = make_head(RecordType::kGroup, {}, {}, bytes.size());
  encode_head(head, {}, kId, bytes);
  bytes.push_back({});
  const Found found = scan(bytes);
  EXPECT_EQ(found.records, Offsets{kFileHeaderSize + 1});
  EXPECT_EQ(found.gaps, (decltype(found.gaps){{kFileHeaderSize, kFileHeaderSize + 1},
                                              {head.end(), head.end() + 1}}));
}

TEST(Scan, PassesOverWhatDecodingWouldRefuse) {
  raw::Archive archive = raw::sample();
  const Offsets all = raw::record_offsets(archive.bytes());
  archive.records[8].flags = raw::kPayload;  // unknown and not skippable
  Offsets expected = all;
  expected.erase(expected.begin() + 8);
  const Found found = scan(archive.bytes());
  EXPECT_EQ(found.records, expected);
  EXPECT_EQ(found.gaps, (decltype(found.gaps){{all[8], all[9]}}));
  Limits limits;
  limits.chunk_bytes = 3;  // three chunks of 4 bytes
  EXPECT_EQ(scan(archive.bytes(), limits).records.size(), expected.size() - 3);
}

// Sync bytes wherever they fit must not make the search quadratic: were it so, this would read
// terabytes.
TEST(Scan, ManyFalseSyncBytes) {
  Buffer bytes = raw::FileHeaderFields{}.encode();
  const Buffer sync = raw::Fields().u16(0x62C7).u8(0x7A);
  while (bytes.size() < (5u << 18)) raw::append(bytes, sync);
  raw::Record record{200, raw::kSkippable, raw::text("found"), {}};
  const std::uint64_t at = bytes.size();
  raw::append(bytes, record.bytes(kId));
  const auto memory = io::memory_source(bytes);
  io::CountingSource counted(*memory);
  EXPECT_EQ(scan(counted).records, Offsets{at});
  EXPECT_LT(counted.bytes_read(), 4 * bytes.size());
}

// Records that begin near the border of the window that the search moves along.
TEST(Scan, AcrossWindows) {
  for (std::size_t before = (1u << 20) - 80; before < (1u << 20) + 8; before += 3) {
    Buffer bytes(32 + before);
    const std::uint64_t at = bytes.size();
    raw::append(bytes, raw::Record{1, 0, raw::text("meta"), {}}.bytes(kId));
    ASSERT_EQ(scan(bytes).records, Offsets{at}) << before;
  }
}

}  // namespace
}  // namespace bbz::container
