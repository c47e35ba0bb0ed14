// The ratio on weights of trained models, if the data is at hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "bbz/base/shape.h"
#include "bbz/base/wire.h"
#include "bbz/codec/codec.h"

namespace bbz::codec {
namespace {

// Calls f(shape, plain, name) with each chunk of a safetensors file, of about 1 MiB of whole rows. Returns
// the size of the file's header, and of the file.
template <class F>
std::pair<std::size_t, std::size_t> for_each_chunk(const std::filesystem::path& path, F f) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
  const std::size_t head = 8 + load_le<std::uint64_t>(file.data());
  const auto header = nlohmann::json::parse(file.data() + 8, file.data() + head);
  const Bytes data = std::as_bytes(std::span(file)).subspan(head);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto* info = find_dtype(entry["dtype"].template get<std::string>());
    const auto extents = entry["shape"].template get<std::vector<std::uint64_t>>();
    const auto range = entry["data_offsets"].template get<std::vector<std::uint64_t>>();
    const std::uint64_t row = extents.empty() ? 1 : extents.back();
    const Shape tensor(extents.begin(), extents.end());
    const std::uint64_t size = static_cast<std::uint64_t>(info->bits / 8);
    const std::uint64_t chunk = (1 << 20) / (row * size) * (row * size);
    for (std::uint64_t at = range[0]; at < range[1]; at += chunk) {
      const Bytes plain = data.subspan(at, std::min(chunk, range[1] - at));
      ChunkShape shape{info->dtype, plain.size() / size, row, 0};
      shape.joined_length = joined_row_length(tensor, kJoinedLength);
      shape.joined_first = (at - range[0]) / size % shape.joined_length;
      f(shape, plain, name);
    }
  }
  return {head, file.size()};
}

// Codes each chunk of a file. Returns the size of all payloads and the file's header as a part of the
// file's.
double ratio_of(const std::filesystem::path& path) {
  std::size_t stored = 0;
  std::vector<std::byte> payload;
  const auto sizes =
      for_each_chunk(path, [&](const ChunkShape& shape, Bytes plain, const std::string& name) {
        const CodecId id = encode(shape, plain, {}, payload);
        std::vector<std::byte> out(plain.size());
        EXPECT_TRUE(decode(id, shape, payload, out).ok()) << name;
        EXPECT_TRUE(std::ranges::equal(out, plain)) << name;
        stored += payload.size();
      });
  return static_cast<double>(stored + sizes.first) / static_cast<double>(sizes.second);
}

TEST(RealData, ModelsReachTheirRatio) {
  const struct {
    const char* name;
    double most;
  } rows[] = {{"docs10m.safetensors", 0.847},
              {"docs10m-sliced304.safetensors", 0.852},
              {"stories260k.safetensors", 0.835},
              {"stories260k-sliced56.safetensors", 0.852}};
  const std::filesystem::path folder = BBZ_SHARED_DATA;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  for (const auto& [name, most] : rows) EXPECT_LE(ratio_of(folder / name), most) << name;
}

// A level that takes more time never makes a file larger. The sizes of dense files without the codecs
// split-number and fields, and without rows of joined extents, are what they may be again.
TEST(RealData, LevelsAreInOrderAndDenseFilesLoseNothing) {
  const std::map<std::string, std::size_t> without = {{"docs10m-asvd80", 14708773},
                                                      {"docs10m-sliced304", 16667526},
                                                      {"docs10m-svdllm60-bf16", 8671287},
                                                      {"docs10m", 18299315},
                                                      {"stories260k-sliced56", 491857},
                                                      {"base", 14244356},
                                                      {"hello-deepa", 259899},
                                                      {"esrgan-x4-part", 637701}};
  const std::filesystem::path folder = BBZ_SHARED_DATA;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  std::size_t dense = 0;
  std::array<std::vector<std::byte>, 3> payloads;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    SCOPED_TRACE(entry.path());
    std::size_t stored = 0;
    std::array<std::size_t, 3> looked{};  // of the levels, for a part of the file
    // The most thorough level takes long, and files of one kind are coded alike.
    std::size_t looks = 12 << 20;
    for_each_chunk(entry.path(), [&](const ChunkShape& shape, Bytes plain, const std::string&) {
      encode(shape, plain, {Level::kDefault}, payloads[1]);
      stored += payloads[1].size();
      if (looks < plain.size()) return;
      looks -= plain.size();
      encode(shape, plain, {Level::kFast}, payloads[0]);
      encode(shape, plain, {Level::kSmall}, payloads[2]);
      for (std::size_t l = 0; l < 3; ++l) looked[l] += payloads[l].size();
    });
    EXPECT_LE(looked[1], looked[0]);
    EXPECT_LE(looked[2], looked[1]);
    const auto known = without.find(entry.path().stem().string());
    if (known == without.end()) continue;
    EXPECT_LE(static_cast<double>(stored), 1.0002 * static_cast<double>(known->second));
    ++dense;
  }
  EXPECT_EQ(dense, without.size());
}

}  // namespace
}  // namespace bbz::codec
