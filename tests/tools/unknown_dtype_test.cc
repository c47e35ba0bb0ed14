// An archive with a tensor of a dtype that this version does not know: its bytes are there for every
// command that does not need the dtype, and the others say that they do.
#include <gmock/gmock.h>

#include "format/container/raw_archive.h"
#include "tools/mounting.h"
#ifdef BBZ_HTTP
#include "tools/serving.h"
#endif

namespace bbz::tools {
namespace {

using testing::HasSubstr;

class UnknownDType : public ToolTest {
 protected:
  UnknownDType() {
    const Bytes odd(odd_);
    raw::Archive archive;
    archive.records = raw::join({
        raw::private_name(2, 100, "org.example.int12"),
        raw::file(0, "model"),
        raw::tensor({.stored = 4, .chunk = 4, .shape = {4}, .name = "layers.0.known"}),
        raw::raw_chunk({}, known_),
        raw::tensor({.number = 1,
                     .offset = 4,
                     .dtype = 100,
                     .bits = 12,
                     .stored = 8,
                     .chunk = 4,
                     .shape = {2, 4},
                     .name = "layers.0.odd"}),
        raw::raw_chunk({.tensor = 1}, odd.first(6)),
        raw::raw_chunk({.tensor = 1, .number = 1}, odd.last(6)),
        raw::file_end(0, 2, 16),
    });
    write_archive("in.bbz", archive.bytes());
    archive.records[4].meta[0] = std::byte{3};  // split-float, which needs the dtype
    write_archive("split.bbz", archive.bytes());
  }
  void write_archive(const std::string& name, const raw::Buffer& bytes) {
    write(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

  // Expects that a command says that it does not know the dtype, and how the tensor is called.
  void expect_unsupported(const std::string& command) {
    const Finished finished = sh(command);
    EXPECT_EQ(finished.code, 4) << command << "\n" << finished.out;
    EXPECT_THAT(finished.err, HasSubstr("layers.0.odd")) << command;
    EXPECT_THAT(finished.err, HasSubstr("dtype 100")) << command;
  }

  const raw::Buffer known_ = raw::text("know");
  const raw::Buffer odd_ = raw::text("unknown type");
};

TEST_F(UnknownDType, ItsBytesAreThere) {
  EXPECT_EXIT_CODE(0, "$BBZ verify in.bbz && $BBZ verify --fast in.bbz && $BBZ verify - < in.bbz");
  EXPECT_EXIT_CODE(0,
                   "$BBZ unpack in.bbz -C out && test \"$(cat out/model)\" = 'knowunknown type'");
  EXPECT_EXIT_CODE(0, "$BBZ unpack -f - -C out < in.bbz && test -f out/model");
  EXPECT_EQ(read("out/model"), "knowunknown type");
  EXPECT_EQ(sh("$BBZ cat in.bbz layers.0.odd").out, "unknown type");
  EXPECT_EQ(sh("$BBZ cat - layers.0.odd < in.bbz").out, "unknown type");
  EXPECT_EXIT_CODE(0, "$BBZ salvage in.bbz -o saved");
  EXPECT_EQ(read("saved/model"), "knowunknown type");
}

TEST_F(UnknownDType, BbzinfoShowsIt) {
  EXPECT_EXIT_CODE(0, "$BBZINFO in.bbz");
  EXPECT_EXIT_CODE(0, "$BBZINFO -v --files --layers --symmetry - < in.bbz");
  const Finished text = sh("$BBZINFO --tensors --chunks in.bbz");
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("layers.0.odd"));
  EXPECT_THAT(text.out, HasSubstr("100"));
  const Finished json = sh("$BBZINFO --json --chunks in.bbz");
  EXPECT_EQ(json.code, 0) << json.err;
  EXPECT_THAT(json.out, HasSubstr("layers.0.odd"));
}

TEST_F(UnknownDType, MountShowsTheFile) {
  std::filesystem::create_directory(dir_ / "m");
  if (const auto why = why_no_mount(dir_ / "m")) GTEST_SKIP() << *why;
  const Finished finished =
      sh("$BBZ mount in.bbz m && cat m/model; { fusermount3 -u m || umount m; }");
  EXPECT_EQ(finished.out, "knowunknown type") << finished.err;
}

// A file of safetensors names the dtype of each tensor.
TEST_F(UnknownDType, ASelectionThatHasItIsUnsupported) {
  expect_unsupported("$BBZ unpack in.bbz --tensor '*odd' -C out");
  expect_unsupported("$BBZ unpack in.bbz --layer 0 -o out");
  expect_unsupported("$BBZ unpack - --layer 0 -C out < in.bbz");
  EXPECT_EXIT_CODE(0, "$BBZ unpack in.bbz --tensor '*known' -o known.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ unpack in.bbz --file model -C files");
  EXPECT_EQ(read("files/model"), "knowunknown type");
}

#ifdef BBZ_HTTP
TEST_F(UnknownDType, GetDownloadsIt) {
  const http::Server server(read("in.bbz"));
  EXPECT_EXIT_CODE(0, "$BBZ get " + server.url() + " -o copy.bbz && cmp in.bbz copy.bbz");
  expect_unsupported("$BBZ get " + server.url() + " --layer 0 -o layer");
  EXPECT_EXIT_CODE(0, "$BBZ get " + server.url() + " --tensor '*known' -o known.safetensors");
}
#endif

TEST_F(UnknownDType, WhatComputesWithItIsUnsupported) {
  expect_unsupported("$BBZ estimate in.bbz");
  expect_unsupported("$BBZ compare in.bbz split.bbz");
}

TEST_F(UnknownDType, AChunkThatNeedsItIsUnsupported) {
  for (const std::string command :
       {"verify split.bbz", "verify - < split.bbz", "unpack split.bbz -C out",
        "unpack - -C out < split.bbz", "cat split.bbz layers.0.odd -o out"}) {
    const Finished finished = sh("$BBZ " + command);
    EXPECT_EQ(finished.code, 4) << command << "\n" << finished.err << finished.out;
  }
  EXPECT_EQ(sh("$BBZ cat split.bbz layers.0.known").out, "know");
  const Finished salvaged = sh("$BBZ salvage split.bbz -o saved");
  EXPECT_EQ(salvaged.code, 3) << salvaged.err;
  EXPECT_EQ(read("saved/model.partial"), "knowunknow" + std::string(6, '\0'));
}

}  // namespace
}  // namespace bbz::tools
