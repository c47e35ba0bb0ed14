// An archive with tensors of blocks: every command has their bytes, and bbzinfo says what they are.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "archive/sample.h"
#include "files/gguf/make_file.h"
#include "tools/mounting.h"

namespace bbz::tools {
namespace {

using testing::HasSubstr;

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Blocks : public ToolTest {
 protected:
  Blocks() {
    WriteOptions options;
    options.chunk_bytes = 150;
    write("in.bbz", text_of(*write_sample(files_, options)));
    write("in/model.gguf", text_of(files_[0].bytes()));
  }

  const std::vector<SampleFile> files_ = block_files();
};

TEST_F(Blocks, TheirBytesAreThere) {
  EXPECT_EXIT_CODE(0, "$BBZ verify in.bbz && $BBZ verify --fast in.bbz && $BBZ verify - < in.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack in.bbz -C out && diff -r in out");
  EXPECT_EXIT_CODE(0, "rm -r out; $BBZ unpack - -C out < in.bbz && diff -r in out");
  EXPECT_EXIT_CODE(0, "$BBZ salvage in.bbz -o saved && cmp in/model.gguf saved/model.gguf");
  const std::string q = text_of(files_[0].tensors[1].bytes);
  EXPECT_EQ(sh("$BBZ cat in.bbz layers.0.q").out, q);
  EXPECT_EQ(sh("$BBZ cat in.bbz tied").out, q);
  EXPECT_EQ(sh("$BBZ cat - layers.0.q < in.bbz").out, q);
  EXPECT_EXIT_CODE(0, "$BBZ unpack in.bbz --tensor norm -o norm.safetensors");
}

TEST_F(Blocks, BbzinfoSaysWhatTheyAre) {
  const Finished text = sh("$BBZINFO --tensors in.bbz");
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("\"Q4_0\": 32 values in 18 bytes: \"d\" 1 F16, \"qs\" 16 bytes"));
  EXPECT_THAT(text.out, testing::ContainsRegex("layers.0.q.* Q4_0 .*5.*128"));
  EXPECT_THAT(text.out,
              testing::ContainsRegex("\n *block +4 .*\n *\"Q4_0\" +2 .*\n *\"Q8_0\" +2 "));
  EXPECT_EXIT_CODE(0, "$BBZINFO --chunks in.bbz && $BBZINFO - < in.bbz");
  const Finished shown = sh("$BBZINFO --json --tensors in.bbz");
  ASSERT_EQ(shown.code, 0) << shown.err;
  const auto info = nlohmann::json::parse(shown.out);
  EXPECT_EQ(info["block_types"][1],
            nlohmann::json::parse(R"({"name": "Q8_0", "values": 32, "bytes": 34, "fields": [
                {"name": "d", "dtype": "F16", "count": 1},
                {"name": "qs", "dtype": "I8", "count": 32}],
                "tensors_total": {"tensors": 2, "elements": 6, "chunks": 2, "bytes": 204,
                                  "stored_bytes": 204}})"));
  EXPECT_TRUE(info["block_types"][0]["fields"][1]["dtype"].is_null());
  const auto& tensor = info["tensors"][2];
  EXPECT_EQ(tensor["dtype"], "block");
  EXPECT_EQ(tensor["block_type"], 1);
  EXPECT_EQ(tensor["shape"], nlohmann::json({3, 2}));
  EXPECT_EQ(tensor["shape_in_values"], nlohmann::json({3, 64}));
  EXPECT_FALSE(info["tensors"][5].contains("shape_in_values"));
  EXPECT_EQ(info["block_types"][0]["tensors_total"]["tensors"], 2);
  EXPECT_EQ(info["dtypes"]["block"]["tensors"], 4);
  EXPECT_EQ(info["dtypes"]["F32"]["tensors"], 1);
  EXPECT_EQ(info["dtypes"].size(), 2u);
}

// The name of a block type is any text, also that of a dtype.
TEST_F(Blocks, BbzinfoTellsThemFromDtypesOfTheirName) {
  const auto named = [](const char* name) {
    return std::make_shared<const BlockType>(
        BlockType{name, 1, {BlockField::of("f", DType::kU8, 3)}});
  };
  SampleFile file{"m", catalog::FileKind::kRegular, {}};
  file.tensors = {
      block_tensor("a", named("BF16"), {5}, 1), block_tensor("b", named("block"), {7}, 2),
      block_tensor("c", named("block"), {2}, 3), sample_tensor("d", DType::kBF16, {9}, 4)};
  write("named.bbz", text_of(*write_sample({file}, {})));
  const auto info = nlohmann::json::parse(sh("$BBZINFO --json named.bbz").out);
  EXPECT_EQ(info["dtypes"].size(), 2u);
  EXPECT_EQ(info["dtypes"]["BF16"]["bytes"], 18);
  EXPECT_EQ(info["dtypes"]["block"]["bytes"], 3 * (5 + 7 + 2));
  ASSERT_EQ(info["block_types"].size(), 2u);
  EXPECT_EQ(info["block_types"][0]["tensors_total"]["bytes"], 3 * 5);
  EXPECT_EQ(info["block_types"][1]["tensors_total"]["bytes"], 3 * (7 + 2));
}

// A file of safetensors has no blocks.
TEST_F(Blocks, ASelectionThatHasThemIsUnsupported) {
  for (const std::string command :
       {"unpack in.bbz --layer 0 -o out", "unpack - --layer 0 -o out < in.bbz"}) {
    const Finished finished = sh("$BBZ " + command);
    EXPECT_EQ(finished.code, 4) << command << "\n" << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("tensor \"layers.0.q\": a safetensors file cannot hold"));
  }
}

TEST_F(Blocks, AreCompared) {
  write("same.bbz", text_of(*write_sample(files_, {})));
  EXPECT_THAT(sh("$BBZ compare in.bbz same.bbz").out, HasSubstr("5 of 5 identical"));
  auto other = files_;
  other[0].tensors[2].bytes[40] ^= std::byte{1};
  write("other.bbz", text_of(*write_sample(other, {})));
  EXPECT_THAT(sh("$BBZ compare in.bbz other.bbz").out,
              HasSubstr("4 of 5 identical, largest difference inf"));
}

TEST_F(Blocks, OfAGgufFileAreItsTensors) {
  write("gguf/m.gguf", text_of(gguf::file_of(gguf::every_type())));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q gguf/m.gguf -o m.bbz && $BBZ verify -q m.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -q m.bbz -C gguf_out && diff -r gguf gguf_out");
  EXPECT_EXIT_CODE(0, "$BBZ pack -q - -o p.bbz < gguf/m.gguf && $BBZ unpack -q p.bbz -C piped");
  EXPECT_EXIT_CODE(0, "cmp gguf/m.gguf piped/stdin.gguf");
  const Finished shown = sh("$BBZINFO --json --tensors m.bbz");
  const auto info = nlohmann::json::parse(shown.out);
  EXPECT_EQ(info["files"][0]["metadata"]["format"], "gguf");
  EXPECT_EQ(info["block_types"].size(), 12);
  EXPECT_EQ(info["tensors_total"]["tensors"], 20);
  EXPECT_EQ(info["dtypes"]["block"]["tensors"], 12);
}

// A tensor of an unknown type is not in the list of tensors, so nothing is known of its equality.
TEST_F(Blocks, OfGgufFilesAreComparedIfAllTypesAreKnown) {
  auto made = gguf::every_type();
  for (const std::string name : {"unknown", "known"}) {
    write(name + ".gguf", text_of(gguf::file_of(made)));
    EXPECT_EXIT_CODE(0, "$BBZ pack -q " + name + ".gguf -o " + name + ".bbz");
    made.pop_back();
  }
  EXPECT_THAT(sh("$BBZ compare known.gguf known.bbz").out, HasSubstr("20 of 20 identical"));
  for (const std::string both : {"unknown.gguf known.gguf", "known.gguf unknown.bbz"}) {
    const Finished finished = sh("$BBZ compare " + both);
    EXPECT_EQ(finished.code, 4) << both << "\n" << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("tensor \"blk.0.unknown\" is of type 16"));
  }
}

// Shapes are compared in values: two tensors of other blocks can have one shape, and two of as many
// blocks need not.
TEST_F(Blocks, AreOfAnotherShapeIfTheyHaveOtherValues) {
  constexpr std::uint32_t kQ4 = 2, kQ4K = 12;
  write("q4.gguf", text_of(gguf::file_of({{"same values", {512, 2}, kQ4, 2 * 16 * 18},
                                          {"same blocks", {32, 2}, kQ4, 2 * 18},
                                          {"blocks and numbers", {32, 2}, kQ4, 2 * 18}})));
  write("q4k.gguf", text_of(gguf::file_of({{"same values", {512, 2}, kQ4K, 2 * 2 * 144},
                                           {"same blocks", {256, 2}, kQ4K, 2 * 144},
                                           {"blocks and numbers", {32, 2}, 0, 2 * 32 * 4}})));
  const Finished finished = sh("$BBZ compare --json q4.gguf q4k.gguf");
  ASSERT_EQ(finished.code, 0) << finished.err;
  const auto tensors = nlohmann::json::parse(finished.out)["tensors"];
  ASSERT_EQ(tensors.size(), 3u);
  for (const auto& tensor : tensors) {
    EXPECT_EQ(tensor["identical"], false);
    EXPECT_EQ(tensor["note"], tensor["name"] == "same blocks" ? "another shape" : "")
        << tensor["name"];
  }
}

TEST_F(Blocks, MountShowsTheFile) {
  std::filesystem::create_directory(dir_ / "m");
  if (const auto why = why_no_mount(dir_ / "m")) GTEST_SKIP() << *why;
  const Finished finished = sh(
      "$BBZ mount in.bbz m && cmp m/model.gguf in/model.gguf; { fusermount3 -u m || umount m; }");
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, "");
}

}  // namespace
}  // namespace bbz::tools
