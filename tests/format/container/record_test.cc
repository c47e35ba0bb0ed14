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
  header.optional_features = 0x0102;
  header.digest_kind = DigestKind::kSha256;
  header.alignment = 4096;
  header.id = 0x1122334455667788;
  const auto bytes = encode_file_header(header);
  raw::FileHeaderFields fields;
  fields.minor = 7;
  fields.required = 1;
  fields.optional = 0x0102;
  fields.digest_kind = 2;
  fields.alignment = 12;
  fields.id = 0x1122334455667788;
  EXPECT_EQ(Buffer(bytes.begin(), bytes.end()), fields.encode());
  EXPECT_EQ(to_hex(Bytes(bytes).first(8)), "8942425a0d0a1a0a");
  const auto back = decode_file_header(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->minor, 7);
  EXPECT_TRUE(back->index_first());
  EXPECT_EQ(back->optional_features, 0x0102u);
  EXPECT_EQ(back->digest_kind, DigestKind::kSha256);
  EXPECT_EQ(back->alignment, 4096u);
  EXPECT_EQ(back->id, 0x1122334455667788u);
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

constexpr std::uint64_t kId = 0xFEDCBA9876543210;

TEST(RecordHead, RoundTripAndBytes) {
  const Buffer meta = raw::text("meta");
  const Buffer payload = raw::text("payload");
  const RecordHead head = make_head(RecordType::kMetadata, meta, payload, 0x1122334455);
  Buffer bytes;
  encode_head(head, meta, kId, bytes);
  raw::Record record{5, raw::kSkippable | raw::kPayload, meta, payload};
  Buffer expected = record.bytes(kId);
  expected.resize(record.head_size());
  EXPECT_EQ(bytes, expected);
  EXPECT_EQ(to_hex(Bytes(bytes).first(3)), "c7627a");
  EXPECT_EQ(to_hex(Bytes(bytes).subspan(7, 3)), "350407");
  const auto back = decode_head(bytes, 0x1122334455, kId, {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->head.payload_length, 7u);
  EXPECT_EQ(back->head.size(), 18u);
  EXPECT_EQ(back->head.end(), 0x1122334455u + 18 + 7);
  EXPECT_TRUE(check_payload(back->head, payload).ok());
  EXPECT_EQ(check_payload(back->head, meta).code(), Code::kChecksum);
  // It is a head of this archive, wherever it lies.
  EXPECT_TRUE(decode_head(bytes, 5, kId, {}).ok());
  EXPECT_EQ(decode_head(bytes, 5, kId + 1, {}).code(), Code::kChecksum);
  EXPECT_EQ(decode_head(Bytes(bytes).first(17), 5, kId, {}).code(), Code::kChecksum);
}

// However it is cut, the size of a head is known from its first bytes, or more of them are asked for.
TEST(RecordHead, SizeFromTheFirstBytes) {
  raw::Record large{4, raw::kPayload | raw::kPadded, Buffer(300), {}};
  large.says_payload_length = std::uint64_t{1} << 62;
  large.says_pad_length = 1u << 20;
  raw::Record later = large;
  later.type = 0xFFFFFFFF;
  for (const raw::Record& record : {large, later, raw::Record{1, 0, {}, {}}}) {
    const Buffer bytes = record.bytes(kId);
    for (std::size_t size = kLeastRecord; size < bytes.size() + 5; ++size) {
      Buffer part(bytes.begin(), bytes.begin() + std::min(size, bytes.size()));
      part.resize(size);
      const auto found = head_size(part, 0);
      ASSERT_TRUE(found.ok()) << size;
      if (size >= record.head_size()) {
        ASSERT_EQ(*found, record.head_size()) << size;
      } else {
        ASSERT_GT(*found, size);
        ASSERT_LE(*found, record.head_size()) << size;
      }
    }
  }
}

TEST(RecordHead, WithoutPayload) {
  const Buffer meta = raw::text("meta");
  const RecordHead head = make_head(RecordType::kFile, meta, {}, 77);
  Buffer bytes;
  encode_head(head, meta, kId, bytes);
  EXPECT_EQ(bytes, (raw::Record{1, 0, meta, {}}.bytes(kId)));
  EXPECT_EQ(bytes.size(), 13u);
  const auto back = decode_head(bytes, 77, kId, {});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->head.end(), 90u);
  EXPECT_FALSE(back->head.payload_check.has_value());
  EXPECT_TRUE(check_payload(back->head, {}).ok());
}

TEST(RecordHead, EntryIsCutAnywhere) {
  const Buffer entry =
      raw::Record{5, raw::kSkippable | raw::kPayload, raw::text("meta"), raw::text("payload")}
          .entry();
  for (std::size_t size = 0; size < entry.size(); ++size) {
    EXPECT_EQ(decode_entry(Bytes(entry).first(size), 0).code(), Code::kMalformed) << size;
  }
  const auto whole = decode_entry(entry, 0);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->head.entry_size(), entry.size());
  EXPECT_FALSE(whole->head.payload_check.has_value());
  EXPECT_TRUE(check_payload(whole->head, raw::text("anything")).ok());
}

TEST(RecordHead, EdgesOf64Bits) {
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  const auto code = [](std::uint64_t offset, std::uint64_t length) {
    raw::Record record{14, raw::kSkippable | raw::kPayload, raw::text("m"), {}};
    record.says_payload_length = length;
    return decode_head(record.bytes(kId), offset, kId, {}).code();
  };
  // A head with so long a payload has 7 + 1 + 1 + 10 + 1 + 4 bytes.
  EXPECT_EQ(code(0, kMax - 24), Code::kOk);
  EXPECT_EQ(code(0, kMax - 23), Code::kMalformed);
  EXPECT_EQ(code(kMax - 15, 0), Code::kOk);
  EXPECT_EQ(code(kMax - 15, 1), Code::kMalformed);
  EXPECT_EQ(code(kMax - 14, 0), Code::kMalformed);
  EXPECT_EQ(code(kMax, 0), Code::kMalformed);
  EXPECT_EQ(code(kMax, kMax), Code::kMalformed);
}

// A chunk is padded to every alignment from every offset, in whichever record it is, and no other
// payload is.
TEST(RecordHead, PadsToTheAlignment) {
  const Buffer payload(1u << 21);
  for (std::uint64_t alignment = kLeastAlignment; alignment <= kMostAlignment; alignment *= 2) {
    for (std::uint64_t i = 0; i < 600; ++i) {
      const std::uint64_t offset = 32 + (i < 300 ? i : alignment - 400 + i);
      const Bytes large = Bytes(payload).first(alignment);
      const RecordHead head =
          i % 2 == 0
              ? make_head(RecordType::kChunk, Buffer(9), large, offset, alignment)
              : make_head(RecordType::kTensor, Buffer(9), large, offset, alignment, kFlagPayload);
      ASSERT_TRUE(head.has_chunk());
      ASSERT_EQ(head.payload_offset() % alignment, 0u) << offset;
      ASSERT_LE(head.pad_length, alignment + 127);
      ASSERT_LE(head.pad_length, kMostPad);
      // The field for the length of the pad may be all that was missing.
      const RecordHead plain = make_head(RecordType::kChunk, Buffer(9), large, offset);
      ASSERT_EQ(plain.flags & kFlagPadded, 0);
      ASSERT_EQ((head.flags & kFlagPadded) != 0, plain.payload_offset() % alignment != 0);
    }
  }
  const Bytes small = Bytes(payload).first(15);
  EXPECT_EQ(make_head(RecordType::kChunk, {}, small, 33, 16).pad_length, 0u);
  EXPECT_EQ(make_head(RecordType::kMetadata, {}, Bytes(payload).first(16), 33, 16).pad_length, 0u);
  const RecordHead without = make_head(RecordType::kTensor, {}, {}, 33, 16);
  EXPECT_EQ(without.pad_length, 0u);
  EXPECT_FALSE(without.has_payload() || without.has_chunk());
  EXPECT_FALSE(make_head(RecordType::kGroup, {}, small, 33, 16).has_chunk());
}

TEST(RecordHead, APadIsZero) {
  RecordHead head;
  EXPECT_TRUE(check_pad(head, {}).ok());
  EXPECT_TRUE(check_pad(head, Buffer(100)).ok());
  for (std::size_t i = 0; i < 100; ++i) {
    Buffer pad(100);
    pad[i] = std::byte{0x80};
    EXPECT_EQ(check_pad(head, pad).code(), Code::kMalformed);
  }
}

TEST(RecordHead, NamesItsType) {
  EXPECT_EQ(type_name(RecordType::kFileEnd), "file end");
  EXPECT_EQ(type_name(static_cast<RecordType>(99)), "unknown");
  EXPECT_TRUE(is_known(RecordType::kTrailer));
  EXPECT_FALSE(is_known(static_cast<RecordType>(9)));
}

TEST(Trailer, RoundTrip) {
  Trailer trailer;
  trailer.index_length = 500;
  trailer.record_count = 3;
  trailer.archive_length = 1573;
  trailer.id = kId;
  trailer.root.kind = DigestKind::kSha256;
  trailer.root.bytes.fill(std::byte{0xAB});
  Buffer meta;
  encode_trailer(trailer, meta);
  const RecordView view{make_head(RecordType::kTrailer, meta, {}, 1500), meta};
  FileHeader header;
  header.digest_kind = DigestKind::kSha256;
  header.id = kId;
  const auto back = decode_trailer(view, header);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->root, trailer.root);
  EXPECT_EQ(back->record_count, 3u);
  EXPECT_EQ(back->index_offset(), 1000u);
  EXPECT_EQ(stated_id(RecordType::kTrailer, meta), kId);
  EXPECT_EQ(stated_id(RecordType::kIndex, meta), std::nullopt);
  header.id = kId + 1;
  EXPECT_EQ(decode_trailer(view, header).code(), Code::kMalformed);
  header = {};
  header.id = kId;
  EXPECT_EQ(decode_trailer(view, header).code(), Code::kUnsupported);
}

}  // namespace
}  // namespace bbz::container
