// The bytes that an archive adds to a model that no codec can shorten: format-spec/container.md,
// "What a tensor costs".
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "bbz/base/format.h"
#include "bbz/ops/pack.h"

namespace bbz::ops {
namespace {

// A safetensors file of more than 10 MB: tensors of about `size` bytes, of every dtype in turn,
// named as those of a transformer, of noise.
std::vector<std::byte> noise_model(std::uint64_t size) {
  const std::array parts = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                            "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                            "mlp.down_proj"};
  constexpr std::uint64_t kRow = 64;  // elements: whole bytes for every dtype
  const auto dtypes = dtype_table();
  std::vector<safetensors::Tensor> tensors;
  std::uint64_t end = 0;
  for (std::size_t i = 0; end < 10'000'000; ++i) {
    const DTypeInfo& dtype = dtypes[i % dtypes.size()];
    const std::uint64_t row_bytes = kRow * static_cast<std::uint64_t>(dtype.bits) / 8;
    safetensors::Tensor tensor;
    tensor.name =
        fmt::format("model.layers.{}.{}.weight", i / parts.size(), parts[i % parts.size()]);
    tensor.dtype = dtype.dtype;
    tensor.shape = {size / row_bytes, kRow};
    tensor.begin = end;
    tensor.end = end += size / row_bytes * row_bytes;
    tensors.push_back(std::move(tensor));
  }
  std::vector<std::byte> file = safetensors::build(tensors, {}).value();
  std::mt19937_64 random(size);
  const std::size_t header = file.size();
  file.resize(header + end);
  for (std::size_t at = header; at < file.size(); at += 8) {
    const std::uint64_t word = random();
    std::copy_n(reinterpret_cast<const std::byte*>(&word),
                std::min<std::size_t>(8, file.size() - at), file.data() + at);
  }
  return file;
}

// Archive over file, in percent of the file.
double overhead(const std::vector<std::byte>& file, DigestKind digest) {
  const auto files = files::open_stream(io::memory_source(Bytes(file)), {}).value();
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  PackOptions options;
  options.write.threads = 1;
  options.write.digest = digest;
  const auto packed = pack(*files, *sink, options);
  EXPECT_TRUE(packed.ok()) << packed.error().message;
  EXPECT_EQ(packed->input_bytes, file.size());
  EXPECT_GT(packed->tensors, 9u);
  const auto added = static_cast<double>(archive.size()) - static_cast<double>(file.size());
  return 100 * added / static_cast<double>(file.size());
}

TEST(Overhead, AtMostAThousandthOverModelsThatNothingShortens) {
  for (const std::uint64_t kib : {64, 128, 256, 512, 1024}) {
    const std::vector<std::byte> file = noise_model(kib * 1024);
    ASSERT_GT(file.size(), 10'000'000u);
    const double xxh3 = overhead(file, DigestKind::kXxh3_128);
    const double sha256 = overhead(file, DigestKind::kSha256);
    std::printf("tensors of %4d KiB: +%.4f %%, with SHA-256 +%.4f %%\n", static_cast<int>(kib),
                xxh3, sha256);
    EXPECT_LE(xxh3, 0.1) << kib << " KiB";
    if (kib >= 256) {
      EXPECT_LE(sha256, 0.1) << kib << " KiB";
    }
  }
}

}  // namespace
}  // namespace bbz::ops
