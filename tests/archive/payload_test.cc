// What is held against the payloads of metadata and groups.
#include "bbz/format/chunk/payload.h"
#include "archive/sample.h"
#include "support/assert.h"
#include "support/bytes.h"

namespace bbz::chunk {
namespace {

TEST(Payload, IsWhatItsChecksumSays) {
  const auto bytes = noise(50, 1);
  catalog::Payload payload{32, bytes.size(), xxh3_64(bytes)};
  BBZ_ASSERT_OK(check_payload_checksum(payload, bytes));
  const auto at_32 = [&] {
    std::vector<std::byte> archive(32);
    archive.insert(archive.end(), bytes.begin(), bytes.end());
    return archive;
  }();
  const auto source = io::memory_source(Bytes(at_32));
  const auto read = read_payload(*source, payload);
  BBZ_ASSERT_OK(read);
  EXPECT_EQ(*read, bytes);
  ++payload.checksum;
  EXPECT_EQ(check_payload_checksum(payload, bytes).code(), Code::kChecksum);
  EXPECT_EQ(read_payload(*source, payload).code(), Code::kChecksum);
}

TEST(Payload, IsWhatItsDigestSays) {
  const auto bytes = noise(50, 1);
  const catalog::Payload payload{32, bytes.size(), xxh3_64(bytes)};
  BBZ_ASSERT_OK(check_payload_digest({}, payload, bytes));
  for (const DigestKind kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    Digest digest = digest_of(kind, bytes);
    BBZ_ASSERT_OK(check_payload_digest(digest, payload, bytes));
    digest.bytes[0] ^= std::byte{1};
    EXPECT_EQ(check_payload_digest(digest, payload, bytes).code(), Code::kChecksum);
  }
}

TEST(Payload, OfMetadataIsTextAndWhatItsDigestSays) {
  const auto check = [](std::string_view value, std::optional<std::string_view> digested) {
    catalog::Metadata metadata;
    metadata.meta.key = "key";
    const Bytes bytes = std::as_bytes(std::span(value));
    if (digested) {
      metadata.meta.payload_digest =
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
