// How much memory a decoder takes, counted at the allocator.
#include <atomic>
#include <cstdlib>
#include <new>

#include "access/push/feeding.h"
#include "archive/sample.h"
#include "support/assert.h"

namespace {

std::atomic<std::size_t> in_use{0};
std::atomic<std::size_t> most_in_use{0};

// Each block is preceded by its size.
constexpr std::size_t kPrefix = alignof(std::max_align_t);

void* counted_allocate(std::size_t size) {
  void* block = std::malloc(size + kPrefix);
  if (block == nullptr) throw std::bad_alloc();
  *static_cast<std::size_t*>(block) = size;
  const std::size_t now = in_use += size;
  std::size_t most = most_in_use;
  while (now > most && !most_in_use.compare_exchange_weak(most, now)) {
  }
  return static_cast<char*>(block) + kPrefix;
}

void counted_free(void* pointer) {
  if (pointer == nullptr) return;
  void* block = static_cast<char*>(pointer) - kPrefix;
  in_use -= *static_cast<std::size_t*>(block);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_allocate(size);
}
void* operator new[](std::size_t size) {
  return counted_allocate(size);
}
// Without throwing, too: what any of these gives is freed by the same delete.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return counted_allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return operator new(size, std::nothrow);
}
void operator delete(void* pointer) noexcept {
  counted_free(pointer);
}
void operator delete[](void* pointer) noexcept {
  counted_free(pointer);
}
void operator delete(void* pointer, std::size_t) noexcept {
  counted_free(pointer);
}
void operator delete[](void* pointer, std::size_t) noexcept {
  counted_free(pointer);
}

namespace bbz::push {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

std::vector<std::byte> large_archive() {
  SampleFile file{"model", catalog::FileKind::kRegular, {}};
  for (unsigned i = 0; i < 8; ++i) {
    file.tensors.push_back(sample_tensor("t" + std::to_string(i), DType::kU8, {8, kChunk}, i));
  }
  WriteOptions options;
  options.chunk_bytes = kChunk;
  return *write_sample({file}, options);
}

// A store whose bytes are there already, so that it takes no memory of its own.
struct Prefilled : Store {
  explicit Prefilled(Bytes b) : bytes(b) {}
  Status write(std::uint64_t, Bytes) override { return {}; }
  Status read(std::uint64_t offset, MutableBytes out) override {
    std::ranges::copy(bytes.subspan(offset, out.size()), out.begin());
    return {};
  }
  Bytes bytes;
};

TEST(Memory, IsBoundedByAFewChunksWhateverTheArchivesSize) {
  const auto archive = large_archive();
  ASSERT_GT(archive.size(), 60 * kChunk);
  std::mt19937 random(9);
  for (const Way way : {Way::kRandom, Way::kShuffled}) {
    Prefilled store(archive);
    Options options;
    options.total = archive.size();
    if (way == Way::kShuffled) options.store = &store;
    options.memory = 0;
    Receiver receiver;
    auto segments = cut(archive.size(), 10'000, random);
    if (way == Way::kShuffled) std::ranges::shuffle(segments, random);
    const std::size_t before = in_use;
    most_in_use = before;
    const auto decoder = *Decoder::create(options, receiver);
    BBZ_ASSERT_OK(feed_all(*decoder, archive, segments));
    BBZ_ASSERT_OK(decoder->finish());
    // The payload as it comes, put together, and decoded; and the record heads.
    EXPECT_LT(most_in_use - before, 5 * kChunk) << static_cast<int>(way);
    EXPECT_GT(most_in_use - before, kChunk);  // or else it is not counted
  }
}

TEST(Memory, OfBytesThatCameAgainIsFreedToo) {
  const auto archive = large_archive();
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  BBZ_ASSERT_OK(reader);
  const auto& chunks = reader->catalog().chunks;
  ASSERT_GE(chunks.size(), 60u);
  auto damaged = archive;
  for (const catalog::Chunk& chunk : chunks) damaged[chunk.payload.offset] ^= std::byte{1};
  Options options;
  options.total = archive.size();
  options.memory = 8 * kChunk;
  Receiver receiver;
  const auto decoder = *Decoder::create(options, receiver);
  BBZ_ASSERT_OK(decoder->feed(0, damaged));
  ASSERT_EQ(decoder->damages().size(), chunks.size());
  // From the last to the first, each needs room before those that are missing.
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk) {
    const catalog::Payload& payload = chunk->payload;
    BBZ_ASSERT_OK(
        decoder->feed(payload.offset, Bytes(archive).subspan(payload.offset, payload.length)));
  }
  BBZ_ASSERT_OK(decoder->finish());
}

}  // namespace
}  // namespace bbz::push
