// Bytes of another archive in the place of those that were expected.
#include "access/push/feeding.h"
#include "archive/sample.h"
#include "format/container/raw_container.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

// Bytes that are there and of another archive, in which every checksum holds.
TEST(Adopt, TakesOfAnotherArchiveWhatBothHave) {
  for (const bool front : {false, true}) {
    WriteOptions writing;
    writing.chunk_bytes = 64;
    const auto archive = *write_sample(sample_files(), writing, front);
    auto files = sample_files();
    for (auto& file : files) {
      for (auto& tensor : file.tensors) {
        if (tensor.bytes.size() > 64) tensor.bytes[70 % tensor.bytes.size()] ^= std::byte{1};
      }
    }
    auto other = *write_sample(files, writing, front);
    other.resize(archive.size());
    MemoryStore store;
    store.bytes = other;
    Options options;
    options.store = &store;
    options.total = archive.size();
    options.decode = false;
    options.structure_first = true;
    Receiver receiver;
    const auto decoder = *Decoder::create(options, receiver);
    const auto feed_needs = [&](std::size_t most) {
      for (const Interval& range : decoder->needs(most)) {
        BBZ_ASSERT_OK(
            decoder->feed(range.begin, Bytes(archive).subspan(range.begin, range.size())));
      }
    };
    EXPECT_TRUE(decoder->records().empty());
    while (!decoder->root()) ASSERT_NO_FATAL_FAILURE(feed_needs(1));
    const Interval records = decoder->records();
    EXPECT_LT(records.begin, records.end);
    EXPECT_LT(records.end, archive.size());
    const std::uint64_t before = decoder->there().bytes();
    BBZ_ASSERT_OK(decoder->adopt(records));
    EXPECT_GT(decoder->there().bytes(), before);
    EXPECT_FALSE(decoder->damages().empty());
    while (!decoder->complete()) ASSERT_NO_FATAL_FAILURE(feed_needs(SIZE_MAX));
    BBZ_ASSERT_OK(decoder->finish());
    EXPECT_EQ(store.bytes, archive);
  }
}

// Another archive from a server is damage if it has another id. With the same id it is no accident.
TEST(Adopt, WhatIsFedIsRefused) {
  const auto archive = *write_sample(sample_files(), {});
  const std::uint64_t id = Reader::open(io::memory_source(Bytes(archive)))->catalog().header.id;
  auto files = sample_files();
  for (auto& file : files) {
    for (auto& tensor : file.tensors) {
      if (!tensor.bytes.empty()) tensor.bytes.front() ^= std::byte{1};
    }
  }
  for (const bool same_id : {false, true}) {
    WriteOptions written;
    if (same_id) written.id = id;
    auto other = *write_sample(files, written);
    other.resize(archive.size());
    MemoryStore store;
    Options options;
    options.store = &store;
    options.total = archive.size();
    options.structure_first = true;
    Receiver receiver;
    const auto decoder = *Decoder::create(options, receiver);
    while (!decoder->root()) {
      const Interval range = decoder->needs(1).front();
      BBZ_ASSERT_OK(decoder->feed(range.begin, Bytes(archive).subspan(range.begin, range.size())));
    }
    const Interval records = decoder->records();
    const Status fed =
        decoder->feed(records.begin, Bytes(other).subspan(records.begin, records.size()));
    if (same_id) {
      EXPECT_EQ(fed.code(), Code::kMalformed);
      continue;
    }
    BBZ_ASSERT_OK(fed);
    // Every head, and of each record only that: the payload's check is in it.
    EXPECT_EQ(decoder->damage_count(), raw::record_offsets(archive).size() - 2);
    EXPECT_EQ(decoder->finish().code(), Code::kChecksum);
    EXPECT_EQ(decoder->verified().missing(records), std::vector{records});
    BBZ_ASSERT_OK(
        decoder->feed(records.begin, Bytes(archive).subspan(records.begin, records.size())));
    EXPECT_EQ(decoder->damage_count(), 0u);
  }
}

}  // namespace
}  // namespace bbz::push
