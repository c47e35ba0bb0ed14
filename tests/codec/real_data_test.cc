// The ratio on weights of trained models, if the data is at hand.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bbz/base/wire.h"
#include "bbz/codec/codec.h"

namespace bbz::codec {
namespace {

// Codes each tensor of a safetensors file in chunks of about 1 MiB of whole rows. Returns the size
// of all payloads and the file's header as a part of the file's.
double ratio_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> file{std::istreambuf_iterator<char>(in), {}};
  const std::size_t head = 8 + load_le<std::uint64_t>(file.data());
  const auto header = nlohmann::json::parse(file.data() + 8, file.data() + head);
  const Bytes data = std::as_bytes(std::span(file)).subspan(head);
  std::size_t stored = head;
  std::vector<std::byte> payload;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto* info = find_dtype(entry["dtype"].get<std::string>());
    const auto shape = entry["shape"].get<std::vector<std::uint64_t>>();
    const auto range = entry["data_offsets"].get<std::vector<std::uint64_t>>();
    const std::uint64_t row = shape.empty() ? 1 : shape.back();
    const std::uint64_t size = static_cast<std::uint64_t>(info->bits / 8);
    const std::uint64_t chunk = (1 << 20) / (row * size) * (row * size);
    for (std::uint64_t at = range[0]; at < range[1]; at += chunk) {
      const Bytes plain = data.subspan(at, std::min(chunk, range[1] - at));
      const ChunkShape chunk_shape{info->dtype, plain.size() / size, row, 0};
      const CodecId id = encode(chunk_shape, plain, {}, payload);
      std::vector<std::byte> out(plain.size());
      EXPECT_TRUE(decode(id, chunk_shape, payload, out).ok()) << name;
      EXPECT_TRUE(std::ranges::equal(out, plain)) << name;
      stored += payload.size();
    }
  }
  return static_cast<double>(stored) / static_cast<double>(file.size());
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

}  // namespace
}  // namespace bbz::codec
