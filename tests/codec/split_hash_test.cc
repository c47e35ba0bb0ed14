// The hash that a kernel makes in its own loop: that of what it has decoded, wherever the chunk
// ends.
#include <gtest/gtest.h>

#include "bbz/base/xxh3.h"
#include "bbz/codec/split/binding.h"
#include "codec/generate.h"
#include "emulated/codec_kernels.h"

namespace bbz::codec {
namespace {

// Decodes a chunk with every kernel and expects the hash of the plain bytes. Returns how many
// blocks of it the kernels took in themselves, the fastest first; none where the chunk is too small
// to code.
std::vector<std::size_t> hash_with_all(const ChunkShape& shape, Bytes plain) {
  std::vector<std::byte> payload;
  if (!split::encode_with(nullptr, shape, plain, Level::kFast, plain.size(), payload)) return {};
  std::vector<std::size_t> blocks;
  for (const split::Kernel* kernel : split::tested_kernels()) {
    std::vector<std::byte> out(plain.size());
    Xxh3Follower hash(out);
    EXPECT_TRUE(split::decode_with(kernel, shape, payload, out, &hash).ok());
    // The last byte is left to finish().
    EXPECT_LT(hash.progress().blocks * xxh3::kBlock, plain.size()) << kernel->name;
    EXPECT_EQ(hash.finish(), xxh3_64(plain)) << kernel->name << ", " << plain.size() << " bytes";
    blocks.push_back(hash.progress().blocks);
  }
  return blocks;
}

TEST(SplitHash, IsThePlainOneForSizesAroundEveryBlock) {
  for (const DType dtype :
       {DType::kBF16, DType::kF16, DType::kF32, DType::kF8E4M3, DType::kF8E5M2}) {
    SCOPED_TRACE(dtype_info(dtype).name);
    const auto size = static_cast<std::uint64_t>(dtype_info(dtype).bits / 8);
    int coded = 0;
    for (const std::uint64_t row : {200u, 4096u}) {
      for (const std::uint64_t blocks : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 12u, 16u, 33u, 70u}) {
        const auto plain = gaussian_rows(dtype, (blocks * xxh3::kBlock + 64) / size, row, blocks);
        for (const std::uint64_t more : {-64, -4, 0, 4, 60, 64}) {
          const std::uint64_t bytes = blocks * xxh3::kBlock + more;
          coded += !hash_with_all({dtype, bytes / size, row, 0}, Bytes(plain).first(bytes)).empty();
        }
      }
    }
    EXPECT_GT(coded, 100);
  }
}

TEST(SplitHash, IsMadeInTheLoopsOfTheKernelsThatGainByIt) {
  const std::uint64_t elements = 1 << 17;
  for (const DType dtype : {DType::kBF16, DType::kF32}) {
    const auto plain = gaussian_rows(dtype, elements, 4096, 1);
    const auto blocks = hash_with_all({dtype, elements, 4096, 0}, plain);
    ASSERT_EQ(blocks.size(), split::tested_kernels().size());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string_view name = split::tested_kernels()[i]->name;
      const bool own = name.starts_with("avx512") || name == "avx2";
      // All but what was written last.
      EXPECT_GE(blocks[i] + 16, own ? plain.size() / xxh3::kBlock : 0) << name;
      EXPECT_EQ(blocks[i] != 0, own) << name;
    }
  }
}

}  // namespace
}  // namespace bbz::codec
