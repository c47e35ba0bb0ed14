#include "bbz/base/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "bbz/base/xxh3.h"
#include "support/bytes.h"

namespace bbz {
namespace {

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

TEST(Hash, IsTheSameOnEveryKernel) {
  const auto bytes = noise(5000, 1);
  const xxh3::Kernel& plain = *xxh3::kernels().back();
  for (const xxh3::Kernel* kernel : xxh3::kernels()) {
    for (std::size_t size = 0; size < bytes.size(); size += size < 300 ? 1 : 61) {
      EXPECT_EQ(kernel->hash64(bytes.data(), size), plain.hash64(bytes.data(), size))
          << kernel->name << " " << size;
    }
  }
}

TEST(Hash, FollowsARangeThatIsBeingFilled) {
  const auto bytes = noise(5000, 1);
  for (const std::size_t size : {0, 1, 63, 64, 241, 1023, 1024, 1025, 2048, 2049, 3000, 5000}) {
    for (const std::size_t step : {1, 64, 1000, 1024, 1025, 5000}) {
      std::vector<std::byte> filled(size);
      Xxh3Follower follower(filled);
      for (std::size_t at = 0; at < size;) {
        const std::size_t end = std::min(at + step, size);
        std::copy(bytes.data() + at, bytes.data() + end, filled.data() + at);
        follower.advance(end);
        // Bytes that were hashed are not read again, except for the last stripe.
        for (std::size_t i = 0; i + 1024 + 64 < end; ++i) filled[i] = std::byte{0};
        at = end;
      }
      EXPECT_EQ(follower.finish(), xxh3_64(Bytes(bytes).first(size))) << size << " by " << step;
    }
  }
}

}  // namespace
}  // namespace bbz
