// Every cut and every flipped bit of small archives is found, by streaming and by seeking.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>

#include "format/catalog/verify.h"
#include "format/container/raw_archive.h"
#include "support/faulty.h"

namespace bbz::catalog {
namespace {

using raw::Buffer;

// A sample archive: with an index at the front or not, with SHA-256 or not, and of blocks or not.
using Kind = std::array<bool, 3>;

Buffer archive_of(Kind kind) {
  const auto [front, sha, blocks] = kind;
  return (blocks ? raw::blocks_sample() : raw::sample(front, sha)).bytes();
}

class Damage : public ::testing::TestWithParam<Kind> {
 protected:
  Buffer bytes_ = archive_of(GetParam());
};

// A refusal that says where: every message names an offset or a length.
void expect_refused(const Result<Catalog>& result, const char* way, std::size_t place) {
  ASSERT_FALSE(result.ok()) << way << " did not notice damage at " << place;
  ASSERT_NE(result.code(), Code::kInternal) << result.error().message;
  if (result.code() == Code::kNotAnArchive || result.error().message == "root digest") return;
  ASSERT_TRUE(std::ranges::any_of(result.error().message, [](char c) {
    return c >= '0' && c <= '9';
  })) << result.error().message;
}

TEST_P(Damage, NoneInTheWholeArchive) {
  const auto memory = io::memory_source(bytes_);
  const auto stream = verify_stream(*memory);
  ASSERT_TRUE(stream.ok()) << stream.error().message;
  for (const bool front : {false, true}) {
    const auto seek = verify_index(*memory, front);
    ASSERT_TRUE(seek.ok()) << seek.error().message;
  }
}

TEST_P(Damage, EveryLength) {
  for (std::size_t size = 0; size < bytes_.size(); ++size) {
    const auto memory = io::memory_source(Bytes(bytes_).first(size));
    io::SequentialSource pipe(*memory);
    const Code expected = size == 0 ? Code::kNotAnArchive : Code::kTruncated;
    const auto stream = verify_stream(pipe);
    expect_refused(stream, "streaming", size);
    ASSERT_EQ(stream.code(), expected) << size << ": " << stream.error().message;
    for (const bool front : {false, true}) {
      const auto seek = verify_index(*memory, front);
      expect_refused(seek, "seeking", size);
      ASSERT_EQ(seek.code(), expected) << size << ": " << seek.error().message;
    }
  }
}

// A reader that seeks does not read the heads that the index repeats: damage there does it no harm,
// and everything that it reads it checks.
TEST_P(Damage, EveryBit) {
  const auto whole = io::memory_source(Bytes(bytes_));
  io::CountingSource by_end(*whole);
  io::CountingSource by_front(*whole);
  ASSERT_TRUE(verify_index(by_end).ok());
  ASSERT_TRUE(verify_index(by_front, true).ok());
  std::array<std::vector<bool>, 2> is_read = {std::vector<bool>(bytes_.size()),
                                              std::vector<bool>(bytes_.size())};
  for (const auto& [begin, end] : by_end.ranges()) {
    for (std::uint64_t i = begin; i < end; ++i) is_read[0][i] = true;
  }
  for (const auto& [begin, end] : by_front.ranges()) {
    for (std::uint64_t i = begin; i < end; ++i) is_read[1][i] = true;
  }
  const auto offsets = raw::record_offsets(bytes_);
  std::size_t record = 0;
  for (std::size_t bit = 0; bit < bytes_.size() * 8; ++bit) {
    const std::size_t byte = bit / 8;
    while (record + 1 < offsets.size() && offsets[record + 1] <= byte) ++record;
    bytes_[byte] ^= std::byte(1 << bit % 8);

    const auto stream = verify_stream(*whole);
    expect_refused(stream, "streaming", byte);
    if (stream.code() == Code::kChecksum && byte >= offsets.front()) {
      ASSERT_NE(stream.error().message.find("offset " + std::to_string(offsets[record]) + ":"),
                std::string::npos)
          << "byte " << byte << ": " << stream.error().message;
    }
    for (const bool front : {false, true}) {
      const auto seek = verify_index(*whole, front);
      if (is_read[front ? 1 : 0][byte]) {
        expect_refused(seek, "seeking", byte);
      } else {
        ASSERT_TRUE(seek.ok()) << "byte " << byte << ": " << seek.error().message;
      }
    }
    bytes_[byte] ^= std::byte(1 << bit % 8);
  }
}

INSTANTIATE_TEST_SUITE_P(Archives, Damage,
                         ::testing::Values(Kind{false, false, false}, Kind{true, false, false},
                                           Kind{false, true, false}, Kind{true, true, false},
                                           Kind{false, false, true}));

}  // namespace
}  // namespace bbz::catalog
