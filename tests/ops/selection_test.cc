#include "bbz/ops/selection.h"

#include <gtest/gtest.h>

#include "archive/sample.h"
#include "bbz/ops/extract.h"

namespace bbz::ops {
namespace {

Result<Reader> open(const std::vector<std::byte>& archive) {
  return Reader::open(io::memory_source(Bytes(archive)));
}

std::vector<std::string> names(const Reader& reader, const Selection& selection) {
  std::vector<std::string> found;
  const auto numbers = select(reader.catalog(), selection);
  if (!numbers.ok()) return found;
  for (const std::uint32_t number : *numbers) {
    found.push_back(reader.catalog().tensors[number].meta.name);
  }
  return found;
}

TEST(FileSelection, SelectsByPath) {
  EXPECT_TRUE(FileSelection().selects("any/file"));
  const FileSelection json{{"*.json", "model"}};
  EXPECT_TRUE(json.selects("folder/config.json"));
  EXPECT_TRUE(json.selects("model"));
  EXPECT_FALSE(json.selects("models"));
  EXPECT_EQ(json.to_string(), "file \"*.json\", file \"model\"");
  EXPECT_EQ(FileSelection().to_string(), "everything");
}

TEST(Selection, SelectsTensorsByFileLayerAndName) {
  const auto archive = write_sample(sample_files(), {}).value();
  const auto reader = open(archive);
  EXPECT_EQ(names(*reader, {}),
            (std::vector<std::string>{"embed", "layers.0.w", "layers.0.none", "layers.1.w",
                                      "layers.1.scale", "packed"}));
  Selection selection;
  selection.layers = {{1, 4}};
  EXPECT_EQ(names(*reader, selection), (std::vector<std::string>{"layers.1.w", "layers.1.scale"}));
  selection.tensors = {"*.w"};
  EXPECT_EQ(names(*reader, selection), (std::vector<std::string>{"layers.1.w"}));
  EXPECT_EQ(selection.to_string(), "layers 1-4, tensor \"*.w\"");
  selection.files.patterns = {"mod*"};
  EXPECT_EQ(names(*reader, selection), (std::vector<std::string>{"layers.1.w"}));
  selection.excluded = {"layers.1.?"};
  EXPECT_EQ(names(*reader, selection), (std::vector<std::string>{}));
  selection = {};
  selection.files.patterns = {"config.json"};
  const auto none = select(reader->catalog(), selection);  // it has only bytes
  ASSERT_EQ(none.code(), Code::kNotFound);
  EXPECT_EQ(none.error().message, "no tensor matches (file \"config.json\")");
}

// The options for writing decide, and not the properties of the archive that is read.
TEST(ExtractArchive, PacksAsItsOptionsSay) {
  const auto archive = write_sample(sample_files(), {}).value();
  const auto reader = open(archive);
  WriteOptions writing;
  writing.digest = DigestKind::kSha256;
  writing.chunk_bytes = 64;
  std::vector<std::byte> out;
  const auto sink = io::memory_sink(out);
  ExtractOptions options;
  options.selection.tensors = {"layers.0.w"};
  const auto summary = extract_archive(*reader, *sink, "part.safetensors", options, writing);
  ASSERT_TRUE(summary.ok()) << summary.error().message;
  const auto part = open(out);
  ASSERT_TRUE(part.ok()) << part.error().message;
  EXPECT_EQ(part->root(), summary->root);
  EXPECT_EQ(part->root().kind, DigestKind::kSha256);
  const std::uint32_t tensor = *part->find_tensor("layers.0.w");
  EXPECT_EQ(part->catalog().tensors[tensor].chunk_count, 16u);  // a row of 40 bytes each
  std::vector<std::byte> bytes(640);
  ASSERT_TRUE(part->read_tensor(tensor, bytes).ok());
  EXPECT_EQ(bytes, sample_files()[3].tensors[2].bytes);
}

}  // namespace
}  // namespace bbz::ops
