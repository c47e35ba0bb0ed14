// Metas: the bytes of each but that of a tensor, and what a single meta can break.
#include <gmock/gmock.h>

#include "format/catalog/views.h"

namespace bbz::catalog {
namespace {

using raw::Buffer;

Digest some_digest() {
  return digest_of(DigestKind::kSha256, raw::text("x"));
}
Buffer some_bytes() {
  return raw::sha256(raw::text("x"));
}

TEST(Metas, FileAndEnd) {
  const auto record = raw::file(7, "dir/name", 1);
  const auto file = decode_file(view(record), {});
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->number, 7u);
  EXPECT_EQ(file->kind, FileKind::kDirectory);
  EXPECT_EQ(file->path, "dir/name");
  EXPECT_EQ(encoded(*file), record.meta);
  EXPECT_EQ(decode_file(view(raw::file(0, "a", 2)), {}).code(), Code::kUnsupported);

  for (const Buffer& digest : {Buffer{}, some_bytes()}) {
    const auto end_record = raw::file_end(7, 2, ~std::uint64_t{0}, digest);
    const auto end = decode_file_end(view(end_record));
    ASSERT_TRUE(end.ok());
    EXPECT_EQ(end->size, ~std::uint64_t{0});
    EXPECT_EQ(end->digest.has_value(), !digest.empty());
    EXPECT_EQ(encoded(*end), end_record.meta);
  }
  EXPECT_EQ(decode_file_end(view(raw::file_end(0, 0, 0, Buffer(16)))).code(), Code::kMalformed);
  // The flags, by hand.
  const auto flags = [](std::uint8_t bits) {
    return decode_file_end(view({2, 0, raw::Fields().u8(7).u8(2).u8(9).u8(bits), {}}));
  };
  for (const bool ordered : {false, true}) {
    const auto end = flags(ordered ? 2 : 0);
    ASSERT_TRUE(end.ok()) << end.error().message;
    EXPECT_EQ(end->ordered, ordered);
    EXPECT_EQ(end->number, 7u);
    EXPECT_EQ(end->tensor_count, 2u);
    EXPECT_EQ(encoded(*end), Buffer(raw::Fields().u8(7).u8(2).u8(9).u8(ordered ? 2 : 0)));
  }
  for (const int bit : {4, 8, 16, 32, 64, 128}) {
    EXPECT_EQ(flags(static_cast<std::uint8_t>(bit | 2)).code(), Code::kUnsupported) << bit;
  }
  EXPECT_EQ(flags(3).code(), Code::kMalformed);  // there is no digest
  const auto unordered = decode_file_end(view(raw::file_end(0, 0, 0, some_bytes(), false)));
  ASSERT_EQ(unordered.code(), Code::kMalformed);
  EXPECT_THAT(unordered.error().message, testing::HasSubstr("a digest of a file out of order"));
}

TEST(Metas, ChunkMetadataGroup) {
  for (const bool sha : {false, true}) {
    const auto kind = sha ? DigestKind::kSha256 : DigestKind::kXxh3_128;
    const Buffer x = raw::text("x");
    const auto c = raw::raw_chunk({.tensor = 300, .number = 2, .codec = 5}, x, sha);
    const auto chunk = decode_chunk(view(c), kind);
    ASSERT_TRUE(chunk.ok());
    EXPECT_EQ(to_hex(Bytes(c.meta).first(4)), "05ac0202");
    EXPECT_EQ(c.meta.size(), sha ? 44u : 12u);
    EXPECT_EQ(chunk->codec, codec::CodecId{5});
    EXPECT_EQ(chunk->tensor, 300u);
    EXPECT_EQ(chunk->number, 2u);
    EXPECT_EQ(chunk->decoded_checksum, xxh3_64(x));
    EXPECT_EQ(chunk->decoded_digest, sha ? std::optional(some_digest()) : std::nullopt);
    EXPECT_EQ(encoded(*chunk), c.meta);

    const auto m = raw::metadata(9, std::string(255, 'k'), "x", sha);
    const auto metadata = decode_metadata(view(m), kind);
    ASSERT_TRUE(metadata.ok());
    EXPECT_EQ(encoded(*metadata), m.meta);
    for (const std::string& key : {std::string(), std::string(256, 'k'), std::string("\x80")}) {
      EXPECT_EQ(decode_metadata(view(raw::metadata(0, key, "", sha)), kind).code(),
                Code::kMalformed);
    }
    const auto g = raw::group(9, 8, x, sha);
    const auto group = decode_group(view(g), kind);
    ASSERT_TRUE(group.ok());
    EXPECT_EQ(group->method, GroupMethod{8});
    EXPECT_EQ(encoded(*group), g.meta);
  }
}

// Every meta cut anywhere, and with one byte more.
TEST(Metas, AreTakenExactly) {
  const auto decode = [](const raw::Record& r, DigestKind kind) -> Code {
    switch (r.type) {
      case 1:
        return decode_file(view(r), {}).code();
      case 2:
        return decode_file_end(view(r)).code();
      case 3:
        return decode_tensor(view(r), kind, {}).code();
      case 4:
        return decode_chunk(view(r), kind).code();
      case 5:
        return decode_metadata(view(r), kind).code();
      case 6:
        return decode_group(view(r), kind).code();
      case 10:
        return decode_private_name(view(r)).code();
      default:
        return Code::kMalformed;
    }
  };
  for (const bool sha : {false, true}) {
    const auto kind = sha ? DigestKind::kSha256 : DigestKind::kXxh3_128;
    auto records = raw::sample(false, sha).records;
    records.push_back(raw::private_name(2, 100, "org.example.int3"));
    for (raw::Record record : records) {
      const Buffer whole = record.meta;
      EXPECT_EQ(decode(record, kind), record.type == 200 ? Code::kMalformed : Code::kOk)
          << record.type;
      for (std::size_t size = 0; size < whole.size(); ++size) {
        record.meta.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        ASSERT_EQ(decode(record, kind), Code::kMalformed) << record.type << " " << size;
      }
      record.meta = whole;
      record.meta.push_back(std::byte{0});
      ASSERT_EQ(decode(record, kind), Code::kMalformed) << record.type;
    }
  }
}

}  // namespace
}  // namespace bbz::catalog
