// Groups whose tensors are read in an order that asks for them by turns, and by many threads.
#include <atomic>
#include <map>
#include <thread>

#include "bbz/symmetry/group.h"
#include "ops/rotation/packed.h"
#include "support/faulty.h"

namespace bbz::rotation {
namespace {

std::vector<std::byte> packed_model(RequestedMethod method) {
  const test_models::Spec spec = small_spec("llama", DType::kF16);
  const auto packed =
      pack_file(file_of(test_models::sliced_model(spec)), method, DigestKind::kXxh3_128, 500);
  EXPECT_TRUE(packed.ok()) << packed.error().message;
  return packed->archive;
}

TEST(Groups, ArePutTogetherOnceInWhateverOrderTheirTensorsAreRead) {
  const std::vector<std::byte> archive = packed_model(RequestedMethod::kBitsBack);
  const auto memory = io::memory_source(Bytes(archive));
  const auto counting = std::make_shared<io::CountingSource>(*memory);
  const auto reader = Reader::open(counting);
  std::map<std::uint32_t, std::vector<std::uint32_t>> riders;  // by group
  for (const catalog::Tensor& tensor : reader->catalog().tensors) {
    if (tensor.meta.form == catalog::Form::kRider) {
      riders[tensor.meta.group].push_back(tensor.meta.number);
    }
  }
  ASSERT_GE(riders.size(), 3u);
  counting->forget();
  for (int round = 0; round < 4; ++round) {
    for (const auto& [group, tensors] : riders) {
      for (const std::uint32_t number : tensors) {
        std::vector<std::byte> bytes(reader->catalog().tensors[number].byte_size);
        const Status read = reader->read_tensor(number, bytes);
        ASSERT_TRUE(read.ok()) << read.error().message;
      }
    }
  }
  const auto ranges = counting->ranges();
  for (const auto& [group, tensors] : riders) {
    const catalog::Payload& payload = reader->catalog().groups[group].payload;
    const auto reads = std::ranges::count_if(ranges, [&](const io::CountingSource::Range& range) {
      return range.first == payload.offset && range.second == payload.offset + payload.length;
    });
    EXPECT_EQ(reads, 1) << "group " << group;
  }
}

// To be run with a sanitizer of threads, too: scripts/test-threads.
TEST(Groups, ServeManyThreadsOfOneReader) {
  for (const RequestedMethod method : {RequestedMethod::kBitsBack, RequestedMethod::kPolar}) {
    const std::vector<std::byte> archive = packed_model(method);
    const auto expected = unpack_by_index(archive);
    ASSERT_TRUE(expected.ok()) << expected.error().message;
    ReadOptions options;
    options.threads = 2;
    const auto reader = Reader::open(io::memory_source(Bytes(archive)), options);
    const auto& tensors = reader->catalog().files.front().tensors;
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 2 * tensors.size(); ++i) {
          // Some go forward, some backward, from different places.
          const std::size_t at =
              (t * 7 + (t % 2 == 0 ? i : 4 * tensors.size() - i)) % tensors.size();
          const catalog::Tensor& tensor = reader->catalog().tensors[tensors[at]];
          std::vector<std::byte> bytes(tensor.byte_size);
          const bool right =
              reader->read_tensor(tensors[at], bytes).ok() &&
              std::ranges::equal(bytes, Bytes(*expected).subspan(tensor.meta.offset, bytes.size()));
          if (!right) ++wrong;
        }
      });
    }
    const auto placed = unpack_in_places(archive, 3);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0) << static_cast<int>(method);
    ASSERT_TRUE(placed.ok()) << placed.error().message;
    EXPECT_TRUE(*placed == *expected);
  }
}

}  // namespace
}  // namespace bbz::rotation
