// Single structures: header, heads, index meta and trailer against their bytes.
#include <gmock/gmock.h>

#include "bbz/format/container/header.h"
#include "bbz/format/container/index.h"
#include "format/container/raw_archive.h"

namespace bbz::container {
namespace {

using raw::Buffer;

TEST(FileHeader, RoundTripAndBytes) {
  FileHeader header;
  header.minor = 7;
  header.required_features = kFeatureIndexFirst;
  header.optional_features = 0x01020304;
  header.digest_kind = DigestKind::kSha256;
  const auto bytes = encode_file_header(header);
  raw::FileHeaderFields fields;
  fields.minor = 7;
  fields.required = 1;
  fields.optional = 0x01020304;
  fields.digest_kind = 2;
  EXPECT_EQ(Buffer(bytes.begin(), bytes.end()), fields.encode());
  EXPECT_EQ(to_hex(Bytes(bytes).first(8)), "8942425a0d0a1a0a");
  const auto back = decode_file_header(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->minor, 7);
  EXPECT_TRUE(back->index_first());
  EXPECT_EQ(back->optional_features, 0x01020304u);
  EXPECT_EQ(back->digest_kind, DigestKind::kSha256);
}

TEST(FileHeader, EveryLengthAndBit) {
  const Buffer bytes = raw::FileHeaderFields{}.encode();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_file_header(Bytes(bytes).first(size)).code(), Code::kTruncated) << size;
  }
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Buffer flipped = bytes;
    flipped[bit / 8] ^= std::byte(1 << bit % 8);
    const Code code = decode_file_header(flipped).code();
    EXPECT_EQ(code, bit < 64 ? Code::kNotAnArchive : Code::kChecksum) << bit;
  }
}

TEST(RecordHead, RoundTripAndBytes) {
  const Buffer meta = raw::text("meta");
  const Buffer payload = raw::text("payload");
  const RecordHead head = make_head(RecordType::kMetadata, meta, payload, 0x1122334455);
  Buffer bytes;
  encode_head(head, meta, bytes);
  EXPECT_EQ(bytes, (raw::Record{5, 3, meta, payload}.head_and_meta(0x1122334455)));
  EXPECT_EQ(to_hex(Bytes(bytes).first(4)), "c7627a1e");
  const auto back = decode_head(bytes, 0x1122334455, {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->head.payload_length, 7u);
  EXPECT_EQ(back->head.end(), 0x1122334455u + 32 + 4 + 7);
  EXPECT_TRUE(check_payload(back->head, payload).ok());
  EXPECT_EQ(check_payload(back->head, meta).code(), Code::kChecksum);
  // The head does not say where it lies, but its checksum knows.
  EXPECT_EQ(decode_head(bytes, 0x1122334456, {}).code(), Code::kChecksum);
  EXPECT_EQ(decode_head(Bytes(bytes).first(35), 0x1122334455, {}).code(), Code::kChecksum);
  const auto size = peek_size(Bytes(bytes).first(16), 0);
  ASSERT_TRUE(size.ok());
  EXPECT_EQ(*size, bytes.size());
}

TEST(RecordHead, WithoutPayload) {
  const Buffer meta = raw::text("meta");
  const RecordHead head = make_head(RecordType::kFile, meta, {}, 77);
  Buffer bytes;
  encode_head(head, meta, bytes);
  EXPECT_EQ(bytes, (raw::Record{1, 0, meta, {}}.head_and_meta(77)));
  EXPECT_EQ(bytes.size(), 20u);
  const auto back = decode_head(bytes, 77, {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->head.end(), 97u);
  EXPECT_TRUE(check_payload(back->head, {}).ok());
}

TEST(RecordHead, EntryIsCutAnywhere) {
  const Buffer entry = raw::Record{5, 3, raw::text("meta"), raw::text("payload")}.entry();
  for (std::size_t size = 0; size < entry.size(); ++size) {
    EXPECT_EQ(decode_entry(Bytes(entry).first(size), 0).code(), Code::kMalformed) << size;
  }
  EXPECT_TRUE(decode_entry(entry, 0).ok());
}

TEST(RecordHead, EdgesOf64Bits) {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  const auto code = [](std::uint64_t offset, std::uint64_t length) {
    raw::Record record{200, 3, raw::text("m"), {}};
    record.says_payload_length = length;
    return decode_head(record.head_and_meta(offset), offset, {}).code();
  };
  EXPECT_EQ(code(0, kMax - 33), Code::kOk);
  EXPECT_EQ(code(0, kMax - 32), Code::kMalformed);
  EXPECT_EQ(code(kMax - 33, 0), Code::kOk);
  EXPECT_EQ(code(kMax - 33, 1), Code::kMalformed);
  EXPECT_EQ(code(kMax - 32, 0), Code::kMalformed);
  EXPECT_EQ(code(kMax, 0), Code::kMalformed);
  EXPECT_EQ(code(kMax, kMax), Code::kMalformed);
}

TEST(RecordHead, NamesItsType) {
  EXPECT_EQ(type_name(RecordType::kFileEnd), "file end");
  EXPECT_EQ(type_name(static_cast<RecordType>(99)), "unknown");
  EXPECT_TRUE(is_known(RecordType::kTrailer));
  EXPECT_FALSE(is_known(static_cast<RecordType>(9)));
}

TEST(Trailer, RoundTrip) {
  Trailer trailer;
  trailer.index_offset = 1000;
  trailer.index_length = 500;
  trailer.record_count = 3;
  trailer.archive_length = 1580;
  trailer.root.kind = DigestKind::kSha256;
  trailer.root.bytes.fill(std::byte{0xAB});
  Buffer meta;
  encode_trailer(trailer, meta);
  const RecordView view{make_head(RecordType::kTrailer, meta, {}, 1500), meta};
  const auto back = decode_trailer(view, DigestKind::kSha256);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->root, trailer.root);
  EXPECT_EQ(back->record_count, 3u);
  EXPECT_EQ(decode_trailer(view, DigestKind::kXxh3_128).code(), Code::kUnsupported);
}

}  // namespace
}  // namespace bbz::container
