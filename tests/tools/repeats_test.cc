// Chunks that repeat earlier ones, as a user meets them: a checkpoint beside a copy of its tensors.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tools/measured.h"
#include "tools/models.h"

namespace bbz::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Repeats : public MeasuredTest {
 protected:
  Repeats() {
    write("in/a.safetensors", layered_model(3, 64));
    write("in/b.safetensors", layered_model(3, 64));
    write("in/c.safetensors", layered_model(3, 64, 20));  // only its header is in a too
    write("in/config.json", "{}\n");
    EXPECT_EXIT_CODE(0, "$BBZ pack -q in -o in.bbz && $BBZ pack -q in --no-dedup -o plain.bbz");
  }
};

TEST_F(Repeats, AreStoredOnceUnlessAskedOtherwise) {
  EXPECT_LT(size("in.bbz") * 4, size("plain.bbz") * 3);
  const auto in = info("in.bbz");
  const auto plain = info("plain.bbz");
  EXPECT_EQ(in["root_digest"], plain["root_digest"]);
  EXPECT_GT(in["codecs"]["same"]["chunks"], 0);
  EXPECT_EQ(in["codecs"]["same"]["stored_bytes"], 0);
  EXPECT_FALSE(plain["codecs"].contains("same"));
  for (const std::string archive : {"in.bbz", "plain.bbz"}) {
    EXPECT_EXIT_CODE(0, "$BBZ verify -q " + archive + " && cat " + archive + " | $BBZ verify -q -");
    EXPECT_EXIT_CODE(0, "rm -rf out; $BBZ unpack -q " + archive + " -C out && diff -r in out");
    EXPECT_EXIT_CODE(0,
                     "rm -rf out; cat " + archive + " | $BBZ unpack -q - -C out; diff -r in out");
  }
  EXPECT_EXIT_CODE(0, "$BBZ pack -q in -o - | cmp - in.bbz");
}

TEST_F(Repeats, AreListed) {
  const auto all = info("in.bbz --chunks");
  std::uint64_t repeats = 0;
  std::uint64_t stored = 0;
  for (const auto& tensor : all["tensors"]) {
    std::uint64_t of_tensor = 0;
    for (const auto& chunk : tensor["chunks"]) {
      of_tensor += chunk["stored_bytes"].get<std::uint64_t>();
      EXPECT_EQ(chunk["codec"] == "same", !chunk["same_as"].is_null());
      if (chunk["same_as"].is_null()) continue;
      ++repeats;
      EXPECT_EQ(chunk["stored_bytes"], 0);
      const auto& other = all["tensors"][chunk["same_as"]["tensor"].get<std::size_t>()];
      const auto& repeated = other["chunks"][chunk["same_as"]["chunk"].get<std::size_t>()];
      EXPECT_NE(repeated["codec"], "same");
      EXPECT_EQ(repeated["checksum"], chunk["checksum"]);
      EXPECT_EQ(repeated["offset"], chunk["offset"]);
      EXPECT_EQ(repeated["bytes"], chunk["bytes"]);
    }
    EXPECT_EQ(tensor["stored_bytes"], of_tensor);
    stored += of_tensor;
  }
  EXPECT_EQ(repeats, all["codecs"]["same"]["chunks"]);
  EXPECT_EQ(stored + all["overhead_bytes"].get<std::uint64_t>(), all["archive_bytes"]);
  const Finished text = sh("$BBZINFO in.bbz --chunks");
  EXPECT_THAT(text.out, HasSubstr("same 6400 -> 0 bytes"));
  EXPECT_THAT(text.out,
              HasSubstr(", chunk 0 of \"model.embed_tokens.weight\" of \"a.safetensors\"\n"));
  EXPECT_THAT(text.out, HasSubstr(", chunk 0 of the bytes of \"a.safetensors\"\n"));
  EXPECT_THAT(sh("$BBZINFO plain.bbz --chunks").out, Not(HasSubstr("same")));
}

TEST_F(Repeats, AreReadBySingleCommands) {
  EXPECT_EXIT_CODE(0,
                   "for a in in plain; do $BBZ cat $a.bbz model.layers.1.mlp.up_proj.weight "
                   "--file b.safetensors > $a.raw || exit 9; done; cmp in.raw plain.raw");
  EXPECT_EXIT_CODE(0, "$BBZ cat in.bbz b.safetensors | cmp - in/b.safetensors");
  EXPECT_EXIT_CODE(0,
                   "for a in in plain; do $BBZ unpack -q $a.bbz --file b.safetensors --layer 1 "
                   "-o $a.part || exit 9; done; cmp in.part plain.part");
  EXPECT_EXIT_CODE(
      0,
      "$BBZ pack -q in/a.safetensors -o a.bbz && $BBZ pack -q in/b.safetensors -o b.bbz "
      "&& $BBZ join -q a.bbz b.bbz -o ab.bbz && $BBZ unpack -q ab.bbz -C ab && "
      "$BBZ compare ab/b.safetensors b.bbz --max-difference 0");
}

TEST_F(Repeats, ComeFromAStreamWithWhatTheyRepeat) {
  EXPECT_EXIT_CODE(0, "cat in.bbz | $BBZ cat - a.safetensors | cmp - in/a.safetensors");
  EXPECT_EXIT_CODE(0,
                   "cat in.bbz | $BBZ unpack -q - --tensor '*' -C piped && "
                   "$BBZ unpack -q in.bbz --tensor '*' -C all && diff -r piped all");
  for (const std::string command :
       {"cat - b.safetensors", "unpack -q - --file b.safetensors --layer 1 -o b.safetensors",
        "unpack -q - --file b.safetensors -C out"}) {
    const Finished refused = sh("cat in.bbz | $BBZ " + command);
    EXPECT_EQ(refused.code, 4) << command << "\n" << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("read the archive from a file")) << command;
    EXPECT_EXIT_CODE(0, "cat plain.bbz | $BBZ " + command + " > /dev/null");
    EXPECT_EXIT_CODE(0, "rm -rf out b.safetensors");
  }
}

// A file may repeat itself.
TEST_F(Repeats, GoFromAStreamToAStream) {
  const std::string matrix = bf16_weights(300 * 1000, 1);
  std::vector<safetensors::Tensor> tensors = {{"embed", DType::kBF16, {1000, 300}, 0, 0},
                                              {"head", DType::kBF16, {1000, 300}, 0, 0}};
  const std::vector<std::byte> header = safetensors::build(tensors, {}).value();
  write("twice",
        std::string(reinterpret_cast<const char*>(header.data()), header.size()) + matrix + matrix);
  EXPECT_EXIT_CODE(0, "$BBZ pack -q twice -o twice.bbz");
  EXPECT_LT(size("twice.bbz"), size("twice") * 1 / 2);
  EXPECT_EXIT_CODE(0, "cat twice | $BBZ pack - | $BBZ unpack - -o - | cmp - twice");
  EXPECT_EXIT_CODE(0, "cat twice.bbz | $BBZ cat - twice | cmp - twice");
  EXPECT_EXIT_CODE(4, "cat twice.bbz | TMPDIR=/nonexistent $BBZ cat - twice > /dev/null");
  EXPECT_EXIT_CODE(0, "cat twice.bbz | $BBZ cat - twice -o other && cmp other twice");
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Repeats, AreFoundAcrossThePartsThatAreJoined) {
  for (const std::string options : {"", "--digest sha256", "--align 64"}) {
    EXPECT_EXIT_CODE(0, "$BBZ pack -q -f in -o whole.bbz " + options);
    for (const std::string count : {"2", "4"}) {
      EXPECT_EXIT_CODE(
          0, "rm -f part*; for i in $(seq " + count + "); do $BBZ pack -q in --part $i/" + count +
                 " -o part$i.bbz " + options + " || exit 9; done; " +
                 "$BBZ join -q part*.bbz -f -o joined.bbz && cmp whole.bbz joined.bbz");
      EXPECT_EXIT_CODE(0,
                       "cat part1.bbz | $BBZ join -q - $(ls part*.bbz | tail -n +2) -o - | "
                       "cmp - whole.bbz");
      EXPECT_EXIT_CODE(0,
                       "$BBZ join -q part*.bbz -f --index-first -o front.bbz && "
                       "$BBZ verify -q front.bbz && $BBZ unpack -q front.bbz -C out && "
                       "diff -r in out && rm -r out");
      EXPECT_EXIT_CODE(0, "$BBZ join -q part*.bbz -f --no-dedup -o separate.bbz");
      EXPECT_EXIT_CODE(0, "$BBZ verify -q separate.bbz");
      if (count == "4") {  // of two parts, one has both copies
        EXPECT_GT(size("separate.bbz"), size("whole.bbz") + 10'000);
      }
      const auto front = info("front.bbz")["codecs"]["same"]["chunks"];
      EXPECT_EQ(front, info("whole.bbz")["codecs"]["same"]["chunks"]);
    }
  }
}

TEST_F(Repeats, AreSalvaged) {
  EXPECT_EXIT_CODE(0, "$BBZ salvage -q in.bbz -C out && diff -r in out");
  EXPECT_EXIT_CODE(3,
                   "head -c $(($(wc -c < in.bbz) - 100)) in.bbz > cut.bbz; "
                   "$BBZ salvage -q cut.bbz -C cut");
  EXPECT_EXIT_CODE(0, "cmp in/b.safetensors cut/b.safetensors");
}

}  // namespace
}  // namespace bbz::tools
