#include "bbz/base/large_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace bbz {
namespace {

TEST(LargeBuffer, HoldsWhatIsWrittenAtEverySize) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096},
                                 std::size_t{2} << 20, (std::size_t{5} << 20) + 3}) {
    LargeBuffer buffer(size);
    ASSERT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % LargeBuffer::kAlignment, 0u);
    const MutableBytes bytes = buffer;
    ASSERT_EQ(bytes.size(), size);
    std::ranges::fill(bytes, std::byte{7});
    EXPECT_EQ(std::ranges::count(Bytes(buffer), std::byte{7}), static_cast<std::ptrdiff_t>(size));
  }
}

TEST(LargeBuffer, KeepsItsMemoryWhereTheSizeStays) {
  LargeBuffer buffer;
  EXPECT_EQ(buffer.size(), 0u);
  buffer.resize(100);
  const std::byte* const memory = buffer.data();
  buffer.resize(100);
  EXPECT_EQ(buffer.data(), memory);
  buffer.resize(std::size_t{3} << 20);
  EXPECT_EQ(buffer.size(), std::size_t{3} << 20);
  const LargeBuffer moved = std::move(buffer);
  EXPECT_EQ(buffer.size(), 0u);       // NOLINT: that is what is tested
  EXPECT_EQ(buffer.data(), nullptr);  // NOLINT
  EXPECT_EQ(Bytes(moved).size(), std::size_t{3} << 20);
}

}  // namespace
}  // namespace bbz
