// Shared by the tests of the push decoder: stores, receivers, and ways to feed an archive.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>

#include "bbz/access/plan/plan.h"
#include "bbz/access/push/decoder.h"
#include "bbz/archive/reader.h"
#include "support/assert.h"

namespace bbz::push {

class MemoryStore : public Store {
 public:
  Status write(std::uint64_t offset, Bytes part) override {
    if (bytes.size() < offset + part.size()) bytes.resize(offset + part.size());
    std::ranges::copy(part, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status read(std::uint64_t offset, MutableBytes out) override {
    if (offset + out.size() > bytes.size()) return error_with_message(Code::kIo, "not there");
    std::ranges::copy(Bytes(bytes).subspan(offset, out.size()), out.begin());
    read_bytes += out.size();
    return {};
  }
  std::vector<std::byte> bytes;
  std::uint64_t read_bytes = 0;
};

// The content of an archive: the bytes of each tensor by number, or the error in their place.
struct Content {
  std::map<std::uint32_t, std::vector<std::byte>> tensors;
  std::map<std::uint32_t, Code> failed;
  std::vector<std::pair<std::string, std::string>> metadata;  // sorted
  friend bool operator==(const Content&, const Content&) = default;
};

inline Content content_of(const Reader& reader) {
  Content content;
  for (const catalog::Tensor& tensor : reader.catalog().tensors) {
    std::vector<std::byte> bytes(tensor.byte_size);
    const Status status = reader.read_tensor(tensor.meta.number, bytes);
    if (status.ok()) {
      content.tensors[tensor.meta.number] = std::move(bytes);
    } else {
      content.failed[tensor.meta.number] = status.code();
    }
  }
  for (const catalog::Metadata& metadata : reader.catalog().metadata) {
    const auto value = reader.read_metadata(metadata);
    if (metadata.meta.extensions.unknown) {
      EXPECT_EQ(value.code(), Code::kUnsupported);
      continue;
    }
    content.metadata.emplace_back(metadata.meta.key, *value);
  }
  std::ranges::sort(content.metadata);
  return content;
}

// Puts together what is handed out, and checks the order of calls on the way.
class Collector : public Receiver {
 public:
  Status structure(const catalog::Catalog& catalog) override {
    ++structures;
    tensor_count = catalog.tensors.size();
    return {};
  }
  Status metadata(const catalog::Metadata& metadata, std::string_view value) override {
    content.metadata.emplace_back(metadata.meta.key, value);
    return {};
  }
  Status begin_tensor(const catalog::Tensor& tensor) override {
    EXPECT_TRUE(open.emplace(tensor.meta.number, std::vector<std::byte>(tensor.byte_size)).second);
    EXPECT_FALSE(content.tensors.contains(tensor.meta.number));
    filled[tensor.meta.number] = 0;
    return {};
  }
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes bytes) override {
    auto& out = open.at(tensor.meta.number);
    EXPECT_LE(offset + bytes.size(), out.size());
    std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(offset));
    filled[tensor.meta.number] += bytes.size();
    return {};
  }
  Status recall(const catalog::Tensor& tensor, std::uint64_t offset, MutableBytes bytes) override {
    const std::uint32_t number = tensor.meta.number;
    const bool ended = content.tensors.contains(number);
    const auto& from = ended ? content.tensors.at(number) : open.at(number);
    EXPECT_LE(offset + bytes.size(), from.size());
    std::ranges::copy(Bytes(from).subspan(offset, bytes.size()), bytes.begin());
    ++recalls;
    return {};
  }
  Status end_tensor(const catalog::Tensor& tensor) override {
    const std::uint32_t number = tensor.meta.number;
    EXPECT_EQ(filled.at(number), tensor.byte_size);
    content.tensors[number] = std::move(open.at(number));
    open.erase(number);
    return {};
  }
  Status end_file(const catalog::File& file) override {
    for (const std::uint32_t tensor : file.tensors) EXPECT_TRUE(content.tensors.contains(tensor));
    EXPECT_TRUE(files.insert(file.path).second);
    return {};
  }
  Status failed(const catalog::Tensor& tensor, const catalog::Chunk*, const Error& error) override {
    content.failed.emplace(tensor.meta.number, error.code);
    message = error.message;
    return {};
  }

  Content sorted() const {
    Content copy = content;
    std::ranges::sort(copy.metadata);
    return copy;
  }

  std::string message;  // of the last failure
  int structures = 0;
  int recalls = 0;
  std::size_t tensor_count = 0;
  Content content;
  std::map<std::uint32_t, std::vector<std::byte>> open;
  std::map<std::uint32_t, std::uint64_t> filled;
  std::set<std::string> files;
};

struct Segment {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// An archive cut into segments: each of `size` bytes or, if that is 0, of random ones.
inline std::vector<Segment> cut(std::uint64_t total, std::uint64_t size, std::mt19937& random) {
  std::vector<Segment> segments;
  for (std::uint64_t at = 0; at < total;) {
    const std::uint64_t most = std::max<std::uint64_t>(total / 8, 2);
    const std::uint64_t part = std::min(size != 0 ? size : 1 + random() % most, total - at);
    segments.push_back({at, part});
    at += part;
  }
  return segments;
}

// Ways to feed an archive.
enum class Way { kWhole, kBytes, kRandom, kShuffled, kReversed, kOverlapping };
inline constexpr Way kWays[] = {Way::kWhole,    Way::kBytes,    Way::kRandom,
                                Way::kShuffled, Way::kReversed, Way::kOverlapping};

inline std::vector<Segment> segments_of(Way way, std::uint64_t total, std::mt19937& random) {
  std::vector<Segment> segments;
  switch (way) {
    case Way::kWhole:
      return {{0, total}};
    case Way::kBytes:
      return cut(total, 1, random);
    case Way::kRandom:
      return cut(total, 0, random);
    case Way::kShuffled:
      segments = cut(total, 0, random);
      std::ranges::shuffle(segments, random);
      return segments;
    case Way::kReversed:
      segments = cut(total, 1 + random() % 50, random);
      std::ranges::reverse(segments);
      return segments;
    case Way::kOverlapping:
      segments = cut(total, 0, random);
      for (std::size_t i = 0; i < 20 && total > 0; ++i) {
        const std::uint64_t at = random() % total;
        segments.push_back({at, 1 + random() % (total - at)});
      }
      std::ranges::shuffle(segments, random);
      return segments;
  }
  return segments;
}

inline Status feed_all(Decoder& decoder, Bytes archive, const std::vector<Segment>& segments) {
  for (const Segment& s : segments) {
    BBZ_TRY(decoder.feed(s.offset, archive.subspan(s.offset, s.size)));
  }
  return {};
}

// Feeds an archive in each of kWays to a decoder with these options, and a store if `stored`, and calls
// `check` with the Collector of each. Ends at the first failure.
template <class Check>
void feed_in_all_ways(Bytes archive, Options options, bool stored, std::mt19937& random,
                      Check&& check) {
  for (const Way way : kWays) {
    SCOPED_TRACE(static_cast<int>(way));
    MemoryStore store;
    if (stored) options.store = &store;
    Collector collector;
    const auto decoder = *Decoder::create(options, collector);
    BBZ_ASSERT_OK(feed_all(*decoder, archive, segments_of(way, archive.size(), random)));
    BBZ_ASSERT_OK(decoder->finish());
    check(collector);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace bbz::push
