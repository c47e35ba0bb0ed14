#include "bbz/pack/verify.h"

#include <gtest/gtest.h>

namespace bbz::pack {
namespace {

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
}  // namespace bbz::pack
