// Streams of which one tensor is wanted: it is delivered as in the whole, because what its form needs
// is decoded too.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "bbz/archive/stream.h"
#include "vectors/vectors.h"

namespace bbz::vectors {
namespace {

namespace fs = std::filesystem;
using raw::Buffer;

// The bytes of each tensor that is delivered, or the code of its failure.
struct Delivered : Visitor {
  std::map<std::uint32_t, Buffer> bytes;
  std::map<std::uint32_t, Code> failed;
  std::vector<bool> files;  // whether each tensor is in a file
  std::vector<bool> views;  // whether each tensor has bytes of another

  Code code_of(std::uint32_t number) const {
    const auto found = failed.find(number);
    return found == failed.end() ? Code::kOk : found->second;
  }

  Status begin_tensor(const catalog::Tensor& t) override {
    bytes[t.meta.number].resize(t.byte_size);
    files.push_back(!t.is_operand());
    views.push_back(t.meta.is_view());
    return {};
  }
  Status data(const catalog::Tensor& t, std::uint64_t offset, Bytes part) override {
    std::ranges::copy(part, bytes[t.meta.number].begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  Status damaged(const catalog::Tensor& t, const catalog::Chunk&, const Error& error) override {
    failed[t.meta.number] = error.code;
    return {};
  }
  Status not_derived(const catalog::Tensor& t, const Error& error) override {
    failed[t.meta.number] = error.code;
    return {};
  }
};

Delivered delivered(const Buffer& archive, std::optional<std::uint32_t> wanted = {}) {
  StreamOptions options;
  options.threads = 1;
  if (wanted) {
    options.wants = [=](const catalog::File&, const catalog::Tensor& tensor) {
      return tensor.meta.number == *wanted;
    };
  }
  Delivered visitor;
  const auto source = io::memory_source(archive);
  const auto read = read_stream(*source, options, visitor);
  EXPECT_TRUE(read.ok()) << read.error().message;
  return visitor;
}

TEST(Selection, EachTensorAloneIsAsInTheWhole) {
  constexpr std::size_t kMost = 40;  // tensors of an archive, which is read once for each
  int count = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(BBZ_VECTORS) / "valid")) {
    if (entry.path().extension() != ".bbz") continue;
    SCOPED_TRACE(entry.path());
    std::ifstream in(entry.path(), std::ios::binary);
    const Buffer archive = raw::text(std::string(std::istreambuf_iterator<char>(in), {}));
    const Delivered whole = delivered(archive);
    for (std::uint32_t number = 0; number < std::min(kMost, whole.files.size()); ++number) {
      if (!whole.files[number]) continue;
      ++count;
      if (whole.views[number]) {
        // Its base has passed, and nobody kept it.
        const bool any = !whole.bytes.at(number).empty();
        EXPECT_EQ(delivered(archive, number).code_of(number), any ? Code::kUnsupported : Code::kOk)
            << number;
        continue;
      }
      const Delivered alone = delivered(archive, number);
      EXPECT_EQ(alone.bytes.at(number), whole.bytes.at(number)) << number;
      EXPECT_EQ(alone.code_of(number), whole.code_of(number)) << number;
    }
  }
  EXPECT_GT(count, 150);
}

}  // namespace
}  // namespace bbz::vectors
