// What the root digest covers, and that a catalog computes it so.
#include <gtest/gtest.h>

#include "format/catalog/verify.h"
#include "format/catalog/views.h"

namespace bbz::catalog {
namespace {

using raw::Archive;
using raw::Buffer;
using raw::kNone;

// Tensors whose codec is in the first byte and in a field of its own, with the byte *more* and
// without, and a chunk of its own record.
std::vector<raw::Record> records_of_codecs(std::uint8_t few, std::uint8_t many) {
  const Buffer data = raw::text("0123456789abcdef");
  const Bytes d(data);
  return raw::join({
      raw::tensor({.file = kNone, .stored = 16, .chunk = 16, .shape = {16}}),
      raw::chunk({.codec = many}, d, d),
      raw::tensor({.number = 1,
                   .file = kNone,
                   .stored = 16,
                   .chunk = 8,
                   .shape = {16},
                   .name = "b",
                   .placed = false}),
      raw::chunk({.tensor = 1, .codec = few}, d.first(8), d.first(8)),
      raw::chunk({.tensor = 1, .number = 1, .codec = many}, d.subspan(8), d.subspan(8)),
      raw::file(0, "f"),
      raw::tensor({.layer = 5, .stored = 4, .chunk = 4, .shape = {4}, .placed = false}),
      raw::chunk({.tensor = 2, .codec = many}, d.first(4), d.first(4)),
      raw::tensor({.kind = 0, .stored = 3, .chunk = 3, .shape = {3}, .placed = false}),
      raw::chunk({.tensor = 3, .codec = few}, d.first(3), d.first(3)),
      raw::tensor({.shape = {0}, .name = "e", .placed = false}),
      raw::file_end(0, 3, 7),
  });
}

// The bytes that the root digest of them hashes, by hand.
Buffer hashed_of_codecs() {
  const Buffer data = raw::text("0123456789abcdef");
  const Bytes d(data);
  raw::Fields f;
  f.u8(3).u8(0).u8(14).u8(0x30).u8(9).u8(2).u8(0).u8(16).u8(0).u64(xxh3_64(d));
  f.u8(3).u8(0).u8(15).u8(0x30).u8(10).u8(2).u8(8).u8(16).u8(1).text("b").u64(xxh3_64(d.first(8)));
  f.u8(4).u8(0).u8(10).u8(1).u8(1).u64(xxh3_64(d.subspan(8)));
  f.u8(1).u8(0).u8(4).u8(0).u8(0).u8(1).text("f");
  f.u8(3).u8(0x80).u8(16).u8(0x20).u8(2).u8(4).u8(0).u64(xxh3_64(d.first(4)));
  f.u8(1).u8(6).u8(1).u8(5);  // the layer
  f.u8(3).u8(0).u8(10).u8(0x28).u8(3).u64(xxh3_64(d.first(3)));
  f.u8(3).u8(0).u8(5).u8(0x20).u8(2).u8(0).u8(1).text("e");
  f.u8(2).u8(0).u8(4).u8(0).u8(3).u8(7).u8(2);
  return f;
}

std::string root_of(const Archive& archive) {
  return to_hex(Bytes(raw::root_digest(archive.records, archive.kind())).first(16));
}

TEST(Catalog, RootDigestIsThatOfTheSpecification) {
  // The formula is computed by raw::root_digest; here its literal input for some records. It has
  // neither the payload of a chunk nor a pad.
  const Buffer data = raw::text("0123456789abcdef");
  Archive archive;
  archive.header.alignment = 4;
  archive.records = raw::join({
      raw::metadata(kNone, "k", "v"),
      raw::extend(raw::unknown(200, "", "w"), {{.number = 1}}),
      raw::tensor({.file = kNone, .stored = 16, .chunk = 16, .shape = {16}}),
      raw::chunk({.codec = 100}, data, data),
  });
  archive.records[2].align(archive.offset_of(2), 16);
  raw::Fields input;
  input.u8(5).u8(0x10).u8(11).u64(xxh3_64(raw::text("v"))).u8(0).u8(1).text("k");
  input.u8(0xC8).u8(1).u8(0x90).u8(12).u64(xxh3_64(raw::text("w"))).u8(1).u8(2).u8(1).text("x");
  input.u8(3).u8(0).u8(14).u8(0x30).u8(9).u8(2).u8(0).u8(16).u8(0).u64(xxh3_64(data));
  for (const auto kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    Digest expected = digest_of(kind, input.get());
    EXPECT_EQ(raw::root_digest(archive.records, kind),
              Buffer(expected.bytes.begin(), expected.bytes.end()));
  }
  const auto verified = verify(archive);
  EXPECT_TRUE(verified.ok()) << verified.error().message;
  // Known answers, so that both cannot change together.
  EXPECT_EQ(root_of(raw::sample(false, false)), "c96842d7caba0e684ba0f2fdecb3841c");
  EXPECT_EQ(root_of(raw::sample(false, true)), "a6591d46835845d56646c9c785aa5457");
}

// Wherever the codec is, it is left out of the root digest, and nothing else of the meta is.
TEST(Catalog, RootDigestLeavesOutTheCodecs) {
  for (const auto& [few, many] : {std::pair(3, 100), std::pair(2, 8), std::pair(0, 255)}) {
    Archive archive;
    archive.records =
        records_of_codecs(static_cast<std::uint8_t>(few), static_cast<std::uint8_t>(many));
    const Digest expected = digest_of(DigestKind::kXxh3_128, hashed_of_codecs());
    EXPECT_EQ(raw::root_digest(archive.records, DigestKind::kXxh3_128),
              Buffer(expected.bytes.begin(), expected.bytes.end()));
    EXPECT_EQ(root_of(archive), "2c7f88031ea7bed415ac4d381fc5f201");
    const auto verified = verify(archive);
    ASSERT_TRUE(verified.ok()) << verified.error().message;
    EXPECT_EQ(verified->chunks[0].meta.codec, codec::CodecId(many));
    EXPECT_EQ(verified->chunks[1].meta.codec, codec::CodecId(few));
    EXPECT_EQ(verified->chunks[2].meta.codec, codec::CodecId(many));
    EXPECT_EQ(verified->chunks[3].meta.codec, codec::CodecId(many));
    EXPECT_EQ(verified->chunks[4].meta.codec, codec::CodecId(few));
    // By the library alone.
    Buffer hashed;
    for (const raw::Record& record : archive.records) {
      if (record.type == 3 || record.type == 4) {
        append_without_codec(view(record), hashed);
      }
    }
    raw::Fields all;
    const Buffer whole = hashed_of_codecs();
    for (WireReader r(whole); r.remaining() > 0;) {
      const auto type = r.get<std::uint8_t>();
      r.get<std::uint8_t>();
      const auto length = r.get<std::uint8_t>();
      const Bytes meta = r.get_bytes(length);
      if (type == 3 || type == 4) all.u8(length).bytes(meta);
    }
    EXPECT_EQ(to_hex(hashed), to_hex(all.get()));
  }
}

TEST(Catalog, RootDigestLeavesOutHowChunksAreCoded) {
  Archive a = raw::sample();
  const Buffer before = raw::root_digest(a.records, a.kind());
  a.records[4].meta[0] |= std::byte{1};  // the codec of the operand
  a.records[5].payload.resize(1);
  a.records[7].meta[0] = std::byte{1};  // that of a further chunk
  a.records[7].payload.resize(1);
  a.records[8].payload.resize(1);  // an unknown record
  EXPECT_EQ(raw::root_digest(a.records, a.kind()), before);
  EXPECT_TRUE(verify(a).ok());
  a.edit_trailer = [](raw::TrailerFields& t) { t.root[0] ^= std::byte{1}; };
  EXPECT_EQ(verify(a).code(), Code::kChecksum);
}

}  // namespace
}  // namespace bbz::catalog
