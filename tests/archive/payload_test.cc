// What is held against the payloads of metadata and groups.
#include "bbz/format/chunk/payload.h"
#include "archive/sample.h"
#include "bbz/base/wire.h"
#include "support/assert.h"
#include "support/bytes.h"

namespace bbz::chunk {
namespace {

catalog::Payload payload_at(std::uint64_t offset, std::uint64_t length) {
  catalog::Payload payload;
  payload.offset = offset;
  payload.length = length;
  return payload;
}

TEST(Payload, IsWhatItsCheckSays) {
  const auto bytes = noise(50, 1);
  const catalog::Payload payload = payload_at(32, bytes.size());
  std::vector<std::byte> archive(32);
  archive.insert(archive.end(), bytes.begin(), bytes.end());
  const auto source = io::memory_source(Bytes(archive));
  for (const DigestKind kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    catalog::PayloadCheck check = catalog::check_of(kind, bytes);
    EXPECT_EQ(check.digest.has_value(), kind == DigestKind::kSha256);
    BBZ_ASSERT_OK(check_payload(check, payload, bytes));
    const auto read = read_payload(*source, check, payload);
    BBZ_ASSERT_OK(read);
    EXPECT_EQ(*read, bytes);
    if (check.digest) {
      check.digest->bytes[0] ^= std::byte{1};
      EXPECT_EQ(check_payload(check, payload, bytes).code(), Code::kChecksum);
      check.digest->bytes[0] ^= std::byte{1};
    }
    ++check.checksum;
    EXPECT_EQ(check_payload(check, payload, bytes).code(), Code::kChecksum);
    EXPECT_EQ(read_payload(*source, check, payload).code(), Code::kChecksum);
  }
}

TEST(Payload, ItsPayloadCheckPrecedesItsPad) {
  std::vector<std::byte> archive(40);
  store_le(archive.data() + 20, std::uint32_t{0x12345678});
  const auto source = io::memory_source(Bytes(archive));
  catalog::Payload payload = payload_at(30, 10);
  payload.head_length = 18;
  payload.pad_length = 6;
  EXPECT_EQ(payload.record().offset, 12u);
  EXPECT_EQ(payload.record().end(), 40u);
  EXPECT_EQ(read_check(*source, payload).value(), 0x12345678u);
  payload.check = 5;  // of a record whose head was read
  EXPECT_EQ(read_check(*source, payload).value(), 5u);
}

TEST(Payload, OfMetadataIsTextAndWhatItsDigestSays) {
  const auto check = [](std::string_view value, std::optional<std::string_view> digested) {
    catalog::Metadata metadata;
    metadata.meta.key = "key";
    const Bytes bytes = std::as_bytes(std::span(value));
    metadata.meta.check = catalog::check_of(DigestKind::kXxh3_128, bytes);
    if (digested) {
      metadata.meta.check.digest =
          digest_of(DigestKind::kSha256, std::as_bytes(std::span(*digested)));
    }
    return check_metadata(metadata, bytes).code();
  };
  EXPECT_EQ(check("text", {}), Code::kOk);
  EXPECT_EQ(check("text", "text"), Code::kOk);
  EXPECT_EQ(check("text", "texT"), Code::kChecksum);
  EXPECT_EQ(check("\xFF", {}), Code::kMalformed);
  EXPECT_EQ(check("\xFF", "\xFF"), Code::kMalformed);
}

}  // namespace
}  // namespace bbz::chunk
