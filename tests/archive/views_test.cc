// Views: what the writer records of them, and how they are read.
#include <gtest/gtest.h>

#include "archive/viewing.h"
#include "support/assert.h"
#include "support/faulty.h"

namespace bbz {
namespace {

Reader opened_viewed(const std::vector<std::byte>& archive) {
  auto reader = Reader::open(io::memory_source(Bytes(archive)));
  EXPECT_TRUE(reader.ok()) << reader.error().message;
  return std::move(reader).value();
}

TEST(Views, AreReadByNameFromAllOrAPart) {
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    for (const bool front : {false, true}) {
      const auto archive = write_viewed(digest, front);
      ASSERT_FALSE(archive.empty());
      const Reader reader = opened_viewed(archive);
      const catalog::Catalog& catalog = reader.catalog();
      ASSERT_EQ(catalog.files.size(), 1u);
      EXPECT_EQ(catalog.files[0].tensors.size(), 4u);
      EXPECT_EQ(catalog.files[0].views.size(), sample_views().size());
      std::uint64_t viewed = 0;
      for (const SampleView& view : expected_views()) {
        SCOPED_TRACE(view.name);
        const auto number = reader.find_tensor(view.name);
        BBZ_ASSERT_OK(number);
        const catalog::Tensor& tensor = catalog.tensors[*number];
        EXPECT_TRUE(tensor.meta.is_view());
        EXPECT_FALSE(tensor.is_operand());
        EXPECT_TRUE(tensor.meta.is_named());
        EXPECT_EQ(tensor.meta.view->strides, view.strides);
        EXPECT_EQ(catalog.tensors[tensor.meta.base()].meta.offset + view.offset,
                  tensor.meta.offset);
        EXPECT_EQ(tensor.stored_bytes, 0u);
        viewed += tensor.byte_size;
        std::vector<std::byte> bytes(tensor.byte_size);
        BBZ_ASSERT_OK(reader.read_tensor(*number, bytes));
        EXPECT_TRUE(bytes == view.bytes);
        for (std::uint64_t from = 0; from + 7 <= bytes.size(); from += 1 + bytes.size() / 5) {
          std::vector<std::byte> part(7);
          BBZ_ASSERT_OK(reader.read_bytes(*number, from, part));
          EXPECT_TRUE(std::ranges::equal(part, Bytes(view.bytes).subspan(from, 7)));
        }
      }
      EXPECT_EQ(catalog.viewed_bytes, viewed);
      EXPECT_EQ(catalog.unpacked_bytes, viewed_files()[0].bytes().size());
      EXPECT_TRUE(catalog.tensors[2].meta.extensions.storage);
      EXPECT_FALSE(catalog.tensors[2].meta.is_named());
      std::vector<std::byte> file(catalog.files[0].size);
      BBZ_ASSERT_OK(reader.read_file(0, 0, file));
      EXPECT_TRUE(file == viewed_files()[0].bytes());
      Collector collector;
      BBZ_ASSERT_OK(reader.visit_all(collector));
      EXPECT_EQ(collector.files, contents(viewed_files()));
    }
  }
}

TEST(Views, AreWrittenToOutputsInAnyOrder) {
  const auto archive = write_viewed();
  const Reader reader = opened_viewed(archive);
  std::vector<std::uint32_t> numbers;
  std::vector<std::byte> expected;
  for (const SampleView& view : expected_views()) {
    numbers.push_back(*reader.find_tensor(view.name));
    expected.insert(expected.end(), view.bytes.begin(), view.bytes.end());
  }
  std::vector<std::byte> out;
  const auto placing = io::memory_sink(out);
  std::uint64_t written = 0;
  BBZ_ASSERT_OK(reader.write_tensors(numbers, *placing, [&](std::uint64_t n) { written = n; }));
  EXPECT_TRUE(out == expected);
  EXPECT_EQ(written, expected.size());
  out.clear();
  io::OneWaySink one_way(out);
  BBZ_ASSERT_OK(reader.write_tensors(numbers, one_way));
  EXPECT_TRUE(out == expected);
}

// What a stream passes on, and gives back.
struct Kept : Visitor {
  std::map<std::string, std::vector<std::byte>> bytes;
  std::map<std::string, Code> failed;
  bool recalls = true;

  // Plain bytes have no name.
  static std::string key(const catalog::Tensor& tensor) {
    return tensor.meta.name.empty() ? std::to_string(tensor.meta.number) : tensor.meta.name;
  }
  Status begin_tensor(const catalog::Tensor& tensor) override {
    bytes[key(tensor)];
    return {};
  }
  Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes part) override {
    auto& all = bytes[key(tensor)];
    EXPECT_EQ(offset, all.size());
    all.insert(all.end(), part.begin(), part.end());
    return {};
  }
  Result<bool> recall(const catalog::Tensor& tensor, std::uint64_t offset,
                      MutableBytes out) override {
    if (!recalls) return Visitor::recall(tensor, offset, out);
    const auto& all = bytes.at(key(tensor));
    if (offset + out.size() > all.size()) return Visitor::recall(tensor, offset, out);
    std::ranges::copy(Bytes(all).subspan(offset, out.size()), out.begin());
    return true;
  }
  Status not_derived(const catalog::Tensor& tensor, const Error& error) override {
    failed[tensor.meta.name] = error.code;
    return {};
  }
};

TEST(Views, OfAStreamComeFromTheBaseIfSomebodyWantsThem) {
  const auto archive = write_viewed();
  for (const bool base : {true, false}) {
    const auto memory = io::memory_source(Bytes(archive));
    io::SequentialSource pipe(*memory);
    StreamOptions options;
    options.wants = [&](const catalog::File&, const catalog::Tensor& tensor) {
      return base || tensor.meta.name != "w";
    };
    Kept kept;
    BBZ_ASSERT_OK(read_stream(pipe, options, kept));
    for (const SampleView& view : expected_views()) {
      SCOPED_TRACE(view.name);
      if (view.base == "w" && !base) {
        EXPECT_EQ(kept.failed.at(view.name), Code::kUnsupported);
      } else {
        EXPECT_TRUE(kept.bytes.at(view.name) == view.bytes);
      }
    }
  }
  const auto memory = io::memory_source(Bytes(archive));
  io::SequentialSource pipe(*memory);
  Kept kept;
  kept.recalls = false;
  BBZ_ASSERT_OK(read_stream(pipe, {}, kept));  // nobody asks for views
  EXPECT_TRUE(kept.bytes.at("tied").empty());
  EXPECT_TRUE(kept.failed.empty());
}

TEST(Views, OfADamagedBaseFailAsItDoes) {
  auto archive = write_viewed();
  std::uint64_t at = 0;
  std::uint64_t first = 0;
  {
    const Reader reader = opened_viewed(archive);
    const catalog::Tensor& w = reader.catalog().tensors[1];
    at = reader.catalog().chunks[w.first_chunk + 2].payload.offset;
    first = reader.catalog().chunks[w.first_chunk].payload.offset;
  }
  archive[at] ^= std::byte{1};
  const Reader reader = opened_viewed(archive);
  for (const SampleView& view : expected_views()) {
    std::vector<std::byte> bytes(view.bytes.size());
    const Status read = reader.read_tensor(*reader.find_tensor(view.name), bytes);
    // Chunk 2 has rows 40 to 59.
    EXPECT_EQ(read.code(), view.base == "w" ? Code::kChecksum : Code::kOk) << view.name;
  }
  // A part that does not need the chunk is read.
  std::vector<std::byte> rows(200 * 40);
  BBZ_ASSERT_OK(reader.read_rows(*reader.find_tensor("tied"), 0, 40, rows));

  const auto memory = io::memory_source(Bytes(archive));
  io::SequentialSource pipe(*memory);
  StreamOptions options;
  options.wants = [](const catalog::File&, const catalog::Tensor&) { return true; };
  struct GoesOn : Kept {
    Status damaged(const catalog::Tensor&, const catalog::Chunk&, const Error&) override {
      return {};
    }
    Status data(const catalog::Tensor& tensor, std::uint64_t offset, Bytes part) override {
      auto& all = bytes[key(tensor)];
      all.resize(std::max<std::size_t>(all.size(), offset + part.size()));
      std::ranges::copy(part, all.begin() + static_cast<std::ptrdiff_t>(offset));
      return {};
    }
  };
  GoesOn kept;
  BBZ_ASSERT_OK(read_stream(pipe, options, kept));
  EXPECT_EQ(kept.failed.at("tied"), Code::kChecksum);
  EXPECT_EQ(kept.failed.at("layers.3.rows"), Code::kChecksum);

  // Rows 40 and 41 do not need chunk 0.
  archive[at] ^= std::byte{1};
  archive[first] ^= std::byte{1};
  const auto other = io::memory_source(Bytes(archive));
  io::SequentialSource second(*other);
  GoesOn rest;
  BBZ_ASSERT_OK(read_stream(second, options, rest));
  EXPECT_EQ(rest.failed.at("tied"), Code::kChecksum);
  EXPECT_FALSE(rest.failed.contains("layers.3.rows"));
  EXPECT_TRUE(rest.bytes.at("layers.3.rows") == expected_views()[2].bytes);
}

// A visitor who wants no view, and says so only when it is asked, gets none.
TEST(Views, ThatNobodyWantsDoNotFail) {
  struct Declines : Kept {
    Result<bool> recall(const catalog::Tensor&, std::uint64_t, MutableBytes) override {
      return false;
    }
  } kept;
  const auto archive = write_viewed();
  const auto memory = io::memory_source(Bytes(archive));
  io::SequentialSource pipe(*memory);
  StreamOptions options;
  options.wants = [](const catalog::File&, const catalog::Tensor&) { return true; };
  BBZ_ASSERT_OK(read_stream(pipe, options, kept));
  EXPECT_TRUE(kept.failed.empty());
  EXPECT_TRUE(kept.bytes.at("tied").empty());
  EXPECT_FALSE(kept.bytes.at("w").empty());
}

// A source hears of each chunk once, however many views need it.
TEST(Views, FetchAChunkOfTheirBaseOnce) {
  struct Hinted : io::ForwardingSource {
    using io::ForwardingSource::ForwardingSource;
    std::unique_ptr<io::Prefetch> prefetch(std::span<const io::ByteRange> ranges) override {
      most = std::max(most, ranges.size());
      return nullptr;
    }
    std::size_t most = 0;
  };
  const auto archive = write_viewed();
  const auto memory = io::memory_source(Bytes(archive));
  const auto hinted = std::make_shared<Hinted>(*memory);
  const Reader reader = *Reader::open(hinted);
  std::vector<std::uint32_t> numbers;
  std::vector<std::byte> expected;
  for (const SampleView& view : expected_views()) {
    if (view.base != "w") continue;
    numbers.push_back(*reader.find_tensor(view.name));
    expected.insert(expected.end(), view.bytes.begin(), view.bytes.end());
  }
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  hinted->most = 0;
  BBZ_ASSERT_OK(reader.write_tensors(numbers, *sink));
  EXPECT_TRUE(out == expected);
  EXPECT_EQ(hinted->most, 3u);  // the chunks of w
}

TEST(Views, ThatNoReaderTakesAreNotWritten) {
  const auto refused = [](const TensorSpec::ViewOf& view, const Shape& shape) {
    std::vector<std::byte> archive;
    const auto sink = io::memory_sink(archive);
    Writer writer = *Writer::create(*sink, {});
    EXPECT_TRUE(writer.begin_file("f").ok());
    const SampleTensor base = sample_tensor("w", DType::kU16, {6}, 1);
    EXPECT_TRUE(writer.begin_tensor(base.spec).ok());
    EXPECT_TRUE(writer.write(base.bytes).ok());
    EXPECT_TRUE(writer.end_tensor().ok());
    TensorSpec spec;
    spec.name = "v";
    spec.dtype = DType::kU16;
    spec.shape = shape;
    spec.place = view;
    Status status = writer.begin_tensor(spec);
    if (status.ok()) status = writer.end_tensor();
    if (status.ok()) status = writer.drain();
    return status.code();
  };
  EXPECT_EQ(refused({1, 0, {1}}, {6}), Code::kOk);
  EXPECT_EQ(refused({1, 2, {1}}, {6}), Code::kMalformed);
  EXPECT_EQ(refused({0, 0, {1}}, {6}), Code::kMalformed);
  EXPECT_EQ(refused({2, 0, {1}}, {6}), Code::kMalformed);
  EXPECT_EQ(refused({1, 0, {1, 1}}, {6}), Code::kMalformed);
  EXPECT_EQ(refused({1, 0, {~0ull}}, {2}), Code::kMalformed);
}

}  // namespace
}  // namespace bbz
