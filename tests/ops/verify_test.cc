#include "bbz/ops/verify.h"

#include <gtest/gtest.h>

#include "archive/sample.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/container/record_reader.h"
#include "bbz/format/container/record_writer.h"
#include "bbz/ops/unpack.h"
#include "format/container/raw_archive.h"
#include "support/assert.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

// The archive as a writer would have made it that took the digest of a file wrongly.
Result<std::vector<std::byte>> with_wrong_file_digest(Bytes archive) {
  const auto source = io::memory_source(archive);
  BBZ_ASSIGN(auto reader, container::RecordReader::open(*source, {}));
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  container::RecordWriter writer(*sink, reader.header());
  catalog::CatalogBuilder builder(reader.header(), {});
  BBZ_TRY(writer.begin());
  while (true) {
    BBZ_ASSIGN(const auto record, reader.next());
    if (!record) break;
    std::vector<std::byte> meta(record->meta.begin(), record->meta.end());
    if (record->head.type == container::RecordType::kFileEnd && meta.size() > 32) {
      meta.back() ^= std::byte{1};
    }
    std::vector<std::byte> payload;
    BBZ_TRY(reader.read_payload(payload));
    BBZ_ASSIGN(const auto head,
               writer.append(record->head.type, meta, payload, record->head.flags));
    BBZ_TRY(builder.add({head, meta}));
  }
  BBZ_TRY(writer.finish(builder.root()));
  return out;
}

TEST(Verify, FindsADigestOfAFileThatIsWrong) {
  WriteOptions options;
  options.digest = DigestKind::kSha256;
  const auto files = sample_files();
  const auto good = write_sample(files, options);
  BBZ_ASSERT_OK(good);
  const auto archive = with_wrong_file_digest(*good);
  BBZ_ASSERT_OK(archive);

  const auto source = io::memory_source(Bytes(*archive));
  const auto report = verify(*source, {});
  BBZ_ASSERT_OK(report);
  EXPECT_FALSE(report->broken);
  EXPECT_EQ(report->damaged, 3u);  // of the regular files
  ASSERT_FALSE(report->damages.empty());
  EXPECT_EQ(report->damages[0].file, "config.json");
  EXPECT_EQ(report->outcome().code(), Code::kChecksum);
  EXPECT_TRUE(report->outcome().error().message.starts_with("file \"config.json\": digest sha256:"))
      << report->outcome().error().message;

  // The chunks prove the bytes all the same.
  const io::TempDir dir;
  io::OutputTree out = io::OutputTree::open(dir / "out").value();
  BBZ_ASSERT_OK(unpack(*Reader::open(io::memory_source(Bytes(*archive))), out));
  for (const SampleFile& file : files) {
    if (file.kind != catalog::FileKind::kRegular) continue;
    const auto bytes = file.bytes();
    EXPECT_EQ(io::read_text(dir / ("out/" + file.path)),
              std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
}

// Unknown content is reported if there is no damage; damage comes before it.
TEST(Verify, DamageIsWorseThanWhatIsNotKnown) {
  const auto data = raw::text("0123");
  raw::Archive archive;
  archive.records = raw::join(
      {raw::file(0, "f"), raw::tensor({.stored = 4, .chunk = 4, .shape = {4}, .name = "t"}),
       raw::chunk({.codec = 100}, data, data),
       raw::tensor({.number = 1, .offset = 4, .stored = 4, .chunk = 4, .shape = {4}}),
       raw::raw_chunk({.tensor = 1}, data), raw::file_end(0, 2, 8)});
  const auto outcome = [&] {
    const auto source = io::memory_source(archive.bytes());
    VerifyOptions options;
    options.max_damages = 1;
    return verify(*source, options)->outcome().code();
  };
  EXPECT_EQ(outcome(), Code::kUnsupported);
  archive.records[2].says_payload_check = 1;
  EXPECT_EQ(outcome(), Code::kChecksum);
}

// A fault of a file is found even if its section has an operand of an unknown codec or dtype.
TEST(Verify, AnOperandThatIsNotKnownHidesNoWrongFile) {
  const auto data = raw::text("0123");
  raw::Archive archive;
  archive.records = raw::join(
      {raw::file(0, "f"),
       raw::tensor({.file = raw::kNone, .stored = 4, .chunk = 4, .shape = {4}, .name = "operand"}),
       raw::chunk({.codec = 100}, data, data),
       raw::tensor({.number = 1, .stored = 4, .chunk = 4, .shape = {4}, .name = "t"}),
       raw::raw_chunk({.tensor = 1}, data),
       raw::file_end(0, 1, 4, raw::sha256(raw::text("4567")))});
  const auto source = io::memory_source(archive.bytes());
  EXPECT_EQ(verify(*source, {})->outcome().code(), Code::kChecksum);
}

// The digest of a file may be compared after all else was read.
TEST(Verify, TheFirstDamageIsTheFirstInTheArchive) {
  const auto data = raw::text("0123");
  for (const bool sha : {false, true}) {
    raw::Archive archive;
    archive.header.digest_kind = sha ? 2 : 1;
    archive.records = raw::join({
        raw::file(0, "f"),
        raw::tensor({.stored = 4, .chunk = 4, .shape = {4}, .name = "t"}),
        raw::raw_chunk({}, data, sha),
        raw::file_end(0, 1, 4, raw::sha256(raw::text("4567"))),
        raw::file(1, "g"),
        raw::tensor({.stored = 4, .chunk = 4, .shape = {4}, .name = "u", .placed = false}),
        raw::chunk({.codec = 1}, data, Bytes(data).first(2), sha),
        raw::file_end(1, 1, 4),
    });
    const auto source = io::memory_source(archive.bytes());
    const auto report = verify(*source, {});
    EXPECT_EQ(report->damaged, 2u);
    EXPECT_EQ(report->outcome().code(), Code::kChecksum);
  }
}

TEST(Verify, DamageOfATensorOfAnUnknownFormIsFound) {
  const auto data = raw::text("0123");
  raw::Archive archive;
  archive.records =
      raw::join({raw::file(0, "f"),
                 raw::tensor({.form = 200, .stored = 4, .chunk = 4, .shape = {4}, .name = "t"}),
                 raw::raw_chunk({}, data), raw::file_end(0, 1, 4)});
  const auto outcome = [&] {
    const auto source = io::memory_source(archive.bytes());
    return verify(*source, {})->outcome().code();
  };
  EXPECT_EQ(outcome(), Code::kUnsupported);
  archive.records[1].says_payload_check = 1;
  EXPECT_EQ(outcome(), Code::kChecksum);
}

// A tensor that is derived from one that a later version must decode is not known either.
TEST(Verify, WhatFollowsFromTheUnknownIsNotDamaged) {
  const raw::Buffer factor(34);
  raw::Archive archive;
  archive.records = raw::join(
      {raw::file(0, "f"), raw::group(0, 2, raw::Buffer(raw::Fields().u32(1).u32(0).u64(0).u16(2))),
       raw::tensor({.file = raw::kNone,
                    .dtype = 16,
                    .bits = 16,
                    .stored = 17,
                    .chunk = 17,
                    .shape = {17},
                    .name = "factor"}),
       raw::chunk({.codec = 100}, factor, factor),
       raw::tensor({.number = 1,
                    .dtype = 16,
                    .bits = 16,
                    .form = 2,
                    .group = 0,
                    .shape = {17, 17},
                    .name = "derived"}),
       raw::file_end(0, 1, 578)});
  const auto source = io::memory_source(archive.bytes());
  const auto report = verify(*source, {});
  EXPECT_EQ(report->damaged, 2u);
  EXPECT_EQ(report->outcome().code(), Code::kUnsupported);
}

TEST(ParseDigest, TakesKindAndHexadecimal) {
  for (const DigestKind kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const Digest digest = digest_of(kind, {});
    EXPECT_EQ(parse_digest(digest.to_string()).value(), digest);
    EXPECT_EQ(parse_digest(to_hex(digest.view())).value(), digest);
  }
}

TEST(ParseDigest, RefusesWhatIsNone) {
  const std::string hex(32, 'a');
  for (const std::string& text :
       {std::string(), std::string(":"), std::string("xxh3-128:"), "sha256:" + hex, "md5:" + hex,
        hex + "a", hex.substr(1) + "g", "xxh3-128:" + hex + hex, ":" + hex + "0"}) {
    EXPECT_EQ(parse_digest(text).code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace bbz::ops
