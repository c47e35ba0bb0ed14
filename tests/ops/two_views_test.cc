// Archives of safetensors files whose records and own headers tell different stories: verify and
// salvage must see it, in whatever order, type and kind of digest.
#include <gtest/gtest.h>

#include "archive/sample.h"
#include "bbz/access/salvage/salvage.h"
#include "bbz/files/safetensors/header.h"
#include "bbz/ops/verify.h"
#include "support/assert.h"
#include "support/bytes.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

// The records of a file with the header of `listed`.
struct Story {
  std::string path = "m.safetensors";
  std::vector<safetensors::Tensor> listed{};
  std::vector<safetensors::Tensor> recorded{};
  std::optional<std::string> format{"safetensors"};
  std::optional<std::string> metadata{};
  bool header_last = false;
};

Story story(DType dtype) {
  Story told;
  told.listed = {
      {"a", dtype, {4, 6}, 0, 0}, {"none", dtype, {0, 2}, 0, 0}, {"b", dtype, {4, 6}, 0, 0}};
  told.recorded = told.listed;
  return told;
}

Result<std::vector<std::byte>> archive_of(const Story& told, DigestKind digest) {
  auto listed = told.listed;
  BBZ_ASSIGN(const std::vector<std::byte> header, safetensors::build(listed, {{"k", "v"}}));
  WriteOptions options;
  options.digest = digest;
  options.chunk_bytes = 64;
  std::vector<std::byte> archive;
  const auto sink = io::memory_sink(archive);
  BBZ_ASSIGN(Writer writer, Writer::create(*sink, options));
  BBZ_TRY(writer.begin_file(told.path));
  if (told.format) BBZ_TRY(writer.add_metadata("format", *told.format));
  if (told.metadata) BBZ_TRY(writer.add_metadata("safetensors", *told.metadata));
  const auto add_header = [&]() -> Status {
    TensorSpec spec = TensorSpec::bytes(header.size());
    spec.place = TensorSpec::At{0};
    BBZ_TRY(writer.begin_tensor(spec));
    BBZ_TRY(writer.write(header));
    return writer.end_tensor();
  };
  if (!told.header_last) BBZ_TRY(add_header());
  std::uint64_t offset = header.size();
  for (const safetensors::Tensor& tensor : told.recorded) {
    TensorSpec spec;
    spec.name = tensor.name;
    spec.dtype = tensor.dtype;
    spec.shape = tensor.shape;
    spec.place = TensorSpec::At{offset};
    const auto bytes = noise(*byte_size(tensor.dtype, *element_count(tensor.shape)), 1);
    BBZ_TRY(writer.begin_tensor(spec));
    BBZ_TRY(writer.write(bytes));
    BBZ_TRY(writer.end_tensor());
    offset += bytes.size();
  }
  if (told.header_last) BBZ_TRY(add_header());
  BBZ_TRY(writer.end_file());
  BBZ_TRY(writer.finish());
  return archive;
}

// Expects this code of verify and salvage, from a file and from a pipe.
void expect_told(const Story& told, Code code) {
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const auto archive = archive_of(told, digest);
    BBZ_ASSERT_OK(archive);
    const auto memory = io::memory_source(Bytes(*archive));
    io::SequentialSource pipe(*memory);
    for (io::Source* const source : {memory.get(), static_cast<io::Source*>(&pipe)}) {
      const auto report = verify(*source, {.threads = 2});
      BBZ_ASSERT_OK(report);
      EXPECT_EQ(report->outcome().code(), code);
      if (code != Code::kOk) {
        EXPECT_EQ(report->damages.at(0).file, told.path);
      }
    }
    const auto fast = verify(*memory, {.fast = true});
    BBZ_ASSERT_OK(fast);
    EXPECT_TRUE(fast->outcome().ok());  // nothing was decoded
    const io::TempDir dir;
    auto tree = std::move(io::OutputTree::open(dir / "out")).value();
    const auto saved = salvage::salvage(*memory, tree, {});
    BBZ_ASSERT_OK(saved);
    EXPECT_EQ(saved->whole(), code == Code::kOk);
    EXPECT_EQ(dir.entries().contains("out/" + told.path), code == Code::kOk);
  }
}

TEST(TwoViews, AreNoneIfRecordsAndHeaderAgree) {
  for (const DType dtype : {DType::kBF16, DType::kF32, DType::kF64, DType::kF4, DType::kU8}) {
    for (const bool last : {false, true}) {
      Story told = story(dtype);
      told.header_last = last;
      expect_told(told, Code::kOk);
      told.metadata = R"({"k":"v"})";
      told.format.reset();
      expect_told(told, Code::kOk);
    }
  }
}

// A file that is packed as bytes has no tensors that could be taken for others.
TEST(TwoViews, AreNoneInAFileOfBytes) {
  for (const std::string text : {"no header", "", "{}"}) {
    std::vector<SampleFile> files = {{"m.safetensors", catalog::FileKind::kRegular, {}}};
    if (!text.empty()) files[0].tensors.push_back(sample_bytes(text));
    const auto archive = write_sample(files, {});
    BBZ_ASSERT_OK(archive);
    const auto report = verify(*io::memory_source(Bytes(*archive)), {});
    BBZ_ASSERT_OK(report);
    EXPECT_TRUE(report->outcome().ok());
  }
}

TEST(TwoViews, AreSeenWhateverDiffers) {
  using Alter = std::function<void(Story&)>;
  const std::vector<std::pair<std::string, Alter>> changes = {
      {"swapped", [](Story& t) { std::swap(t.recorded[0].name, t.recorded[2].name); }},
      {"renamed", [](Story& t) { t.recorded[2].name = "c"; }},
      {"renamed empty", [](Story& t) { t.recorded[1].name = "c"; }},
      {"shape",
       [](Story& t) {
         t.recorded[0].shape = {6, 4};
       }},
      {"shape of empty",
       [](Story& t) {
         t.recorded[1].shape = {0, 4};
       }},
      {"less", [](Story& t) { t.recorded.erase(t.recorded.begin() + 1); }},
      {"metadata", [](Story& t) { t.metadata = R"({"k":"w"})"; }},
      {"more metadata", [](Story& t) { t.metadata = R"({"k":"v","l":"w"})"; }},
      {"no metadata", [](Story& t) { t.metadata = "{}"; }},
  };
  for (const auto& [name, change] : changes) {
    for (const DType dtype : {DType::kBF16, DType::kF32, DType::kF4}) {
      for (const bool last : {false, true}) {
        SCOPED_TRACE(name);
        Story told = story(dtype);
        told.header_last = last;
        change(told);
        expect_told(told, Code::kMalformed);
        // By its name, or its first bytes, if no format is recorded.
        told.format.reset();
        expect_told(told, Code::kMalformed);
        told.path = "folder/model";
        expect_told(told, Code::kMalformed);
        // Nor does another format excuse it.
        told.format = "pytorch";
        expect_told(told, Code::kMalformed);
      }
    }
  }
  Story told = story(DType::kBF16);
  for (auto& tensor : told.recorded) tensor.dtype = DType::kF16;
  expect_told(told, Code::kMalformed);
}

}  // namespace
}  // namespace bbz::ops
