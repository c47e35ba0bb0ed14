// The archives of format-spec/vectors, pushed.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "access/push/feeding.h"
#include "archive/sample.h"
#include "support/assert.h"

namespace bbz::push {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kVectors = BBZ_VECTORS;

std::vector<std::byte> read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const Bytes bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// Feeds everything and says how it ended.
Status push_all(Bytes archive, Way way, Options options, Receiver& receiver, std::mt19937& random) {
  BBZ_ASSIGN(const auto decoder, Decoder::create(options, receiver));
  BBZ_TRY(feed_all(*decoder, archive, segments_of(way, archive.size(), random)));
  return decoder->finish();
}

TEST(PushedVectors, ValidOnesAreRead) {
  std::mt19937 random(1);
  int count = 0;
  for (const auto& entry : fs::directory_iterator(kVectors / "valid")) {
    if (entry.path().extension() != ".bbz") continue;
    SCOPED_TRACE(entry.path());
    ++count;
    const auto archive = read(entry.path());
    const auto reader = Reader::open(io::memory_source(Bytes(archive)));
    BBZ_ASSERT_OK(reader);
    for (const Way way : kWays) {
      for (const bool total : {false, true}) {
        Options options;
        if (total) options.total = archive.size();
        Collector collector;
        const Status pushed = push_all(archive, way, options, collector, random);
        EXPECT_TRUE(pushed.ok()) << pushed.error().message;
        // Nobody asks for views, whose bytes are in the files.
        Content expected = content_of(*reader);
        for (const catalog::Tensor& tensor : reader->catalog().tensors) {
          if (!tensor.meta.is_view()) continue;
          expected.tensors.erase(tensor.meta.number);
          expected.failed.erase(tensor.meta.number);
        }
        Content found = collector.sorted();
        for (const auto& [number, code] : std::map(found.failed)) {
          if (reader->catalog().tensors[number].meta.is_view()) found.failed.erase(number);
        }
        EXPECT_EQ(found, expected);
      }
    }
  }
  EXPECT_GT(count, 10);
}

// Ends with the first fault of content or, if it goes on, tells in the end which of them counts: the
// first that is not unsupported, or else the first.
class Judge : public Collector {
 public:
  explicit Judge(bool goes_on) : goes_on_(goes_on) {}

  Status failed(const catalog::Tensor&, const catalog::Chunk*, const Error& error) override {
    const bool counts =
        !fault || (fault->code == Code::kUnsupported && error.code != Code::kUnsupported);
    if (counts) fault = error;
    return goes_on_ ? Status() : Status(error);
  }

  std::optional<Error> fault;

 private:
  bool goes_on_;
};

// The ways that cut and mix at random are tried with each of these seeds.
struct Seeds {
  unsigned begin;
  unsigned end;
};

bool is_random(Way way) {
  return way != Way::kWhole && way != Way::kBytes;
}

// How a vector must be refused.
struct Refusal {
  std::string code;           // by who reads it in order
  std::string open;           // by who begins with the index
  std::optional<Code> front;  // by who begins with the index at the front, if it differs

  bool has(Code found, bool any_order) const {
    return code_name(found) == code || (any_order && code_name(found) == open) || found == front;
  }
};

void expect_refused(Bytes archive, bool decode, bool goes_on, Seeds seeds, const Refusal& refusal) {
  for (const bool any_order : {false, true}) {
    for (const Way way : kWays) {
      const bool mixed = way == Way::kShuffled || way == Way::kReversed || way == Way::kOverlapping;
      if (mixed && !any_order) continue;
      const unsigned end = is_random(way) ? seeds.end : seeds.begin + 1;
      for (unsigned seed = seeds.begin; seed < end; ++seed) {
        std::mt19937 random(seed);
        Options options;
        options.decode = decode;
        // With it the index at the end is found as soon as it is there, and tells.
        if (any_order) options.total = archive.size();
        Judge receiver(goes_on);
        Status status = push_all(archive, way, options, receiver, random);
        if (receiver.fault && !goes_on) {
          EXPECT_EQ(status.code(), receiver.fault->code);
          continue;
        }
        // A fault of structure goes before those of content.
        if (receiver.fault && status.ok()) status = *receiver.fault;
        EXPECT_TRUE(refusal.has(status.code(), any_order))
            << code_name(status.code()) << ", expected " << refusal.code << " or " << refusal.open
            << ", way " << static_cast<int>(way) << ", seed " << seed << ": "
            << (status.ok() ? "" : status.error().message);
      }
    }
  }
}

void expect_all_refused(Seeds seeds) {
  std::ifstream in(kVectors / "invalid" / "manifest.json");
  const json manifest = json::parse(in);
  for (const auto& [file, expected] : manifest.items()) {
    SCOPED_TRACE(file);
    const auto archive = read(kVectors / "invalid" / file);
    Refusal refusal;
    refusal.open = expected["open"];
    // An index at the front tells more than its checksum to who reads it.
    if (archive.size() > 10 && archive[10] == std::byte{1}) {
      ReadOptions options;
      options.use_front_index = true;
      const auto opened = Reader::open(io::memory_source(Bytes(archive)), options);
      if (!opened.ok()) {
        refusal.front = opened.code();
      } else if (!std::ranges::equal(opened->root().view(),
                                     Bytes(archive).last(32).first(opened->root().view().size()))) {
        // Who has the trailer before the index at the end finds out that the root digest differs.
        refusal.front = Code::kChecksum;
      }
    }
    for (const bool decode : {false, true}) {
      // It unpacks; digests of files, and headers beside records, are for who checks in full.
      const bool in_full = file.starts_with("file-digest") || file == "directory-digest.bbz" ||
                           file.starts_with("safetensors-");
      refusal.code = expected[decode && !in_full ? "verify" : "stream"];
      // It wants a damaged payload again before it goes on to the faults behind it.
      if (file == "payload-byte-inserted.bbz") refusal.code = code_name(Code::kChecksum);
      for (const bool goes_on : {false, true}) {
        expect_refused(archive, decode, goes_on, seeds, refusal);
      }
    }
  }
}

TEST(PushedVectors, InvalidOnesAreRefusedAlikeInSomeOrders) {
  expect_all_refused({0, 2});
}

TEST(PushedVectors, InvalidOnesAreRefusedAlikeInManyOrdersExhaustive) {
  expect_all_refused({2, 12});
}

// Its payload is hashed as it arrives or, with a store, when it is there.
TEST(PushedVectors, TheCheckOfAnUnknownRecordIsCompared) {
  std::mt19937 random(1);
  for (const char* const name : {"unknown-check.bbz", "unknown-digest.bbz"}) {
    const auto archive = read(kVectors / "invalid" / name);
    for (const bool stored : {false, true}) {
      for (const Way way : kWays) {
        MemoryStore store;
        Options options;
        if (stored) options.store = &store;
        Receiver receiver;
        const Status pushed = push_all(archive, way, options, receiver, random);
        ASSERT_EQ(pushed.code(), Code::kChecksum) << name;
        EXPECT_NE(pushed.error().message.find("the check in its meta"), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace bbz::push
