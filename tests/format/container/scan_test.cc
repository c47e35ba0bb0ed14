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

Found scan(io::Source& source, const Limits& limits = {}) {
  Found found;
  const Status status = scan_records(
      source, limits,
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
    ASSERT_EQ(all.size(), front ? 22u : 21u);
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
               source, {}, [](auto&) { return Status(); }, [](auto&) {})
        .code();
  };
  io::FailingSource failing(*memory, 500);
  EXPECT_EQ(code(failing), Code::kIo);
  io::SequentialSource pipe(*memory);
  EXPECT_EQ(code(pipe), Code::kInvalidArgument);
  const Status stopped = scan_records(
      *memory, {}, [](auto&) -> Status { return error_with_message(Code::kCancelled, "stop"); },
      [](auto&) {});
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
  // An archive within a payload is not taken for records of the outer one.
  outer.records[10].payload = inner;
  EXPECT_EQ(scan(outer.bytes()).records, raw::record_offsets(outer.bytes()));
  EXPECT_EQ(scan(outer.bytes()).records.size(), 21u);
  // Nor is an archive that was glued behind another.
  Buffer glued = inner;
  raw::append(glued, inner);
  EXPECT_EQ(scan(glued).records, raw::record_offsets(inner));
  EXPECT_EQ(scan(glued).gaps, (decltype(Found::gaps){{inner.size(), glued.size()}}));
  // Where bytes were lost, the heads behind do not belong where they lie.
  Buffer shifted = inner;
  shifted.erase(shifted.begin() + 300);
  const Found found = scan(shifted);
  for (const std::uint64_t offset : found.records) EXPECT_LT(offset, 300u);
}

TEST(Scan, AGapOfAByteIsAGap) {
  Buffer bytes(kFileHeaderSize + 1);
  const RecordHead head = make_head(RecordType::kGroup, {}, {}, bytes.size());
  encode_head(head, {}, bytes);
  bytes.push_back({});
  const Found found = scan(bytes);
  EXPECT_EQ(found.records, Offsets{kFileHeaderSize + 1});
  EXPECT_EQ(found.gaps, (decltype(found.gaps){{kFileHeaderSize, kFileHeaderSize + 1},
                                              {head.end(), head.end() + 1}}));
}

TEST(Scan, PassesOverWhatDecodingWouldRefuse) {
  raw::Archive archive = raw::sample();
  const Offsets all = raw::record_offsets(archive.bytes());
  archive.records[10].flags = 2;  // unknown and not skippable
  Offsets expected = all;
  expected.erase(expected.begin() + 10);
  const Found found = scan(archive.bytes());
  EXPECT_EQ(found.records, expected);
  EXPECT_EQ(found.gaps, (decltype(found.gaps){{all[10], all[11]}}));
  Limits limits;
  limits.chunk_bytes = 3;  // three chunks of 4 bytes
  EXPECT_EQ(scan(archive.bytes(), limits).records.size(), expected.size() - 3);
}

// Sync bytes wherever they fit must not make the search quadratic: were it so, this would read
// terabytes.
TEST(Scan, ManyFalseSyncBytes) {
  Buffer bytes = raw::FileHeaderFields{}.encode();
  const Buffer sync = raw::Fields().u32(0x1E7A62C7);
  while (bytes.size() < (5u << 18)) raw::append(bytes, sync);
  raw::Record record{200, 1, raw::text("found"), {}};
  const std::uint64_t at = bytes.size();
  raw::append(bytes, record.head_and_meta(at));
  const auto memory = io::memory_source(bytes);
  io::CountingSource counted(*memory);
  EXPECT_EQ(scan(counted).records, Offsets{at});
  EXPECT_LT(counted.bytes_read(), 2 * bytes.size());
}

// Records that begin near the border of the window that the search moves along.
TEST(Scan, AcrossWindows) {
  for (std::size_t before = (1u << 20) - 80; before < (1u << 20) + 8; before += 3) {
    Buffer bytes(32 + before);
    const std::uint64_t at = bytes.size();
    raw::append(bytes, raw::Record{1, 0, raw::text("meta"), {}}.head_and_meta(at));
    ASSERT_EQ(scan(bytes).records, Offsets{at}) << before;
  }
}

}  // namespace
}  // namespace bbz::container
