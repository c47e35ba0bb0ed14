#include "bbz/base/hash.h"

#include <gtest/gtest.h>

#include <string_view>

namespace bbz {
namespace {

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Published values: xxHash's XSUM of empty input, and FIPS 180-4's "abc".
TEST(Hash, AgreesWithPublishedValues) {
  EXPECT_EQ(xxh3_64({}), 0x2d06800538d394c2u);
  EXPECT_EQ(digest_of(DigestKind::kXxh3_128, {}).to_string(),
            "xxh3-128:99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest_of(DigestKind::kSha256, bytes_of("abc")).to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, StreamsGiveWhatOneCallGives) {
  const std::string_view text = "the quick brown fox jumps over the lazy dog";
  Xxh3Stream stream;
  stream.update(bytes_of(text.substr(0, 7)));
  stream.update(bytes_of(text.substr(7)));
  EXPECT_EQ(stream.digest64(), xxh3_64(bytes_of(text)));
  for (const DigestKind kind : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    Hasher hasher(kind);
    hasher.update(bytes_of(text.substr(0, 20)));
    hasher.update(bytes_of(text.substr(20)));
    EXPECT_EQ(hasher.finish(), digest_of(kind, bytes_of(text)));
  }
}

}  // namespace
}  // namespace bbz
