// The archives of format-spec/vectors, pushed.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "archive/sample.h"
#include "push/feeding.h"

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
        EXPECT_EQ(collector.sorted(), content_of(**reader));
      }
    }
  }
  EXPECT_GT(count, 10);
}

// Fails with the first chunk that does not decode.
class Strict : public Receiver {};

TEST(PushedVectors, InvalidOnesAreRefused) {
  std::ifstream in(kVectors / "invalid" / "manifest.json");
  const json manifest = json::parse(in);
  for (const auto& [file, expected] : manifest.items()) {
    SCOPED_TRACE(file);
    std::mt19937 random(1);  // of each vector, so that others do not change how it is cut
    const auto archive = read(kVectors / "invalid" / file);
    // An index at the front tells more than its checksum to who reads it.
    std::optional<Code> front;
    if (archive.size() > 12 && archive[12] == std::byte{1}) {
      ReadOptions options;
      options.use_front_index = true;
      const auto opened = Reader::open(io::memory_source(Bytes(archive)), options);
      if (!opened.ok()) front = opened.code();
    }
    for (const bool decode : {false, true}) {
      // In order, as from a pipe: the code of a reader that streams.
      // It unpacks; digests of files, and headers beside records, are for who checks in full.
      const bool in_full = file.starts_with("file-digest") || file == "directory-digest.bbz" ||
                           file.starts_with("safetensors-");
      const std::string code = expected[decode && !in_full ? "verify" : "stream"];
      for (const Way way : {Way::kWhole, Way::kBytes, Way::kRandom}) {
        Options options;
        options.decode = decode;
        Strict receiver;
        const Status status = push_all(archive, way, options, receiver, random);
        EXPECT_TRUE(code_name(status.code()) == code || status.code() == front)
            << code_name(status.code()) << ", expected " << code << ", " << static_cast<int>(way)
            << ": " << (status.ok() ? "" : status.error().message);
      }
      // In any order, the index may come first and tell.
      for (const Way way : kWays) {
        Options options;
        options.decode = decode;
        options.total = archive.size();
        Strict receiver;
        const Status status = push_all(archive, way, options, receiver, random);
        EXPECT_TRUE(code_name(status.code()) == code ||
                    code_name(status.code()) == expected["open"] || status.code() == front)
            << static_cast<int>(way) << ": " << code_name(status.code())
            << (status.ok() ? "" : status.error().message) << ", expected " << code << " or "
            << expected["open"];
      }
    }
  }
}

}  // namespace
}  // namespace bbz::push
