// What the tools do with tensors that repeat chunks of others (codec same).
#include <gmock/gmock.h>

#include "archive/repeating.h"
#include "bbz/ops/cat.h"
#include "bbz/ops/extract.h"
#include "bbz/ops/info.h"
#include "bbz/ops/unpack.h"
#include "support/assert.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

using ::testing::HasSubstr;

class OpsOnRepeats : public testing::TestWithParam<DigestKind> {
 protected:
  OpsOnRepeats() : archive_(*write_sample(files_, repeating_options(GetParam()))) {
    reader_ = *Reader::open(io::memory_source(Bytes(archive_)));
  }

  // The archive as a pipe.
  struct Pipe {
    explicit Pipe(Bytes archive) : file(io::memory_source(archive)), source(*file) {}
    std::unique_ptr<io::Source> file;
    io::SequentialSource source;
  };

  static Selection names(std::vector<std::string> globs) {
    Selection selection;
    selection.tensors = std::move(globs);
    return selection;
  }

  // Extracts to one file, from a file and from a pipe.
  Result<std::vector<std::byte>> extracted(const Selection& selection, bool piped) {
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    ExtractOptions options;
    options.selection = selection;
    if (!piped) {
      BBZ_TRY(extract(*reader_, *sink, options));
      return out;
    }
    Pipe pipe(archive_);
    BBZ_TRY(extract_stream({pipe.source}, *sink, options));
    return out;
  }

  const std::vector<SampleFile> files_ = repeating_files();
  std::vector<std::byte> archive_;
  std::optional<Reader> reader_;
};
INSTANTIATE_TEST_SUITE_P(Digests, OpsOnRepeats,
                         testing::Values(DigestKind::kXxh3_128, DigestKind::kSha256));

TEST_P(OpsOnRepeats, ExtractFromAPipeWhatTheSelectionHolds) {
  for (const auto& globs : std::vector<std::vector<std::string>>{
           {"*"}, {"layers.0.a"}, {"layers.0.a", "layers.1.d"}, {"layers.0.c", "layers.0.e"}}) {
    const auto expected = extracted(names(globs), false);
    const auto piped = extracted(names(globs), true);
    BBZ_ASSERT_OK(expected);
    BBZ_ASSERT_OK(piped);
    EXPECT_EQ(*piped, *expected) << globs.back();
    const auto& last = globs.back() == "*"            ? files_[1].tensors[2].bytes
                       : globs.back() == "layers.1.d" ? files_[1].tensors[0].bytes
                                                      : std::vector<std::byte>();
    if (last.empty()) continue;
    EXPECT_TRUE(std::ranges::equal(Bytes(*piped).last(last.size()), last));
  }
}

TEST_P(OpsOnRepeats, ExtractFromAPipeNothingThatRepeatsWhatIsNotSelected) {
  for (const char* const name : {"layers.1.b", "layers.1.d", "layers.0.e"}) {
    BBZ_ASSERT_OK(extracted(names({name}), false));
    const auto piped = extracted(names({name}), true);
    ASSERT_EQ(piped.code(), Code::kUnsupported) << name;
    EXPECT_THAT(piped.error().message, HasSubstr("read the archive from a file"));
  }
}

TEST_P(OpsOnRepeats, ExtractSeveralFilesFromAPipe) {
  const io::TempDir dir;
  auto streamed = io::OutputTree::open(dir / "streamed");
  auto seeking = io::OutputTree::open(dir / "seeking");
  Pipe pipe(archive_);
  const auto from_pipe = extract_files_stream({pipe.source}, *streamed);
  BBZ_ASSERT_OK(from_pipe);
  BBZ_ASSERT_OK(extract_files(*reader_, *seeking));
  EXPECT_EQ(from_pipe->files, 2u);
  for (const char* const name : {"/one.safetensors", "/two.safetensors"}) {
    EXPECT_EQ(io::read_text(dir / "streamed" + name), io::read_text(dir / "seeking" + name));
  }
}

TEST_P(OpsOnRepeats, CatFromAFileWhatever) {
  for (const SampleFile& file : files_) {
    std::vector<std::byte> whole;
    io::OneWaySink sink(whole);
    BBZ_ASSERT_OK(cat(*reader_, file.path, sink));
    EXPECT_EQ(whole, file.bytes());
    for (const SampleTensor& tensor : file.tensors) {
      std::vector<std::byte> one;
      io::OneWaySink out(one);
      BBZ_ASSERT_OK(cat(*reader_, tensor.spec.name, out));
      EXPECT_EQ(one, tensor.bytes);
    }
  }
}

TEST_P(OpsOnRepeats, CatFromAPipeWhatTheOutputHolds) {
  const auto from_pipe = [&](const std::string& name, io::Sink& sink) {
    Pipe pipe(archive_);
    return cat_stream({pipe.source}, name, sink);
  };
  // The first tensor and the first file repeat only themselves.
  for (const bool prefixed : {false, true}) {
    const auto prefix = noise(prefixed ? 11 : 0, 5);
    const auto check = [&](const std::string& name, std::vector<std::byte> expected) {
      std::vector<std::byte> out;
      const auto sink = io::memory_sink(out);
      BBZ_ASSERT_OK(sink->write(prefix));
      BBZ_ASSERT_OK(from_pipe(name, *sink));
      expected.insert(expected.begin(), prefix.begin(), prefix.end());
      EXPECT_EQ(out, expected) << name;
    };
    check("layers.0.a", files_[0].tensors[0].bytes);
    check("one", files_[0].bytes());
  }
  for (const char* const name : {"layers.1.b", "layers.1.d", "two"}) {
    std::vector<std::byte> out;
    const auto sink = io::memory_sink(out);
    const Status status = from_pipe(name, *sink);
    ASSERT_EQ(status.code(), Code::kUnsupported) << name;
    EXPECT_THAT(status.error().message, HasSubstr("read the archive from a file"));
  }
  // A pipe is copied, if there is room.
  for (const char* const name : {"layers.0.a", "one"}) {
    for (const std::string folder : {"/tmp", "/nonexistent"}) {
      std::vector<std::byte> out;
      io::OneWaySink one_way(out);
      Pipe pipe(archive_);
      const Status written = cat_stream({pipe.source}, name, one_way, {}, folder);
      ASSERT_EQ(written.code(), folder == "/tmp" ? Code::kOk : Code::kUnsupported);
      if (!written.ok()) {
        EXPECT_THAT(written.error().message, HasSubstr("no copy was kept"));
        continue;
      }
      const SampleFile& file = files_[0];
      EXPECT_EQ(out, name == std::string("one") ? file.bytes() : file.tensors[0].bytes);
    }
  }
  std::vector<std::byte> out;
  io::OneWaySink one_way(out);
  Pipe pipe(archive_);
  BBZ_ASSERT_OK(cat_stream({pipe.source}, "layers.0.c", one_way, {}, "/nonexistent"));
}

TEST_P(OpsOnRepeats, UnpackOneFileFromAPipeToAPipe) {
  FileSelection selection;
  selection.patterns = {"one"};
  for (const std::string folder : {"/tmp", "/nonexistent"}) {
    std::vector<std::byte> out = noise(9, 1);
    io::OneWaySink sink(out);
    Pipe pipe(archive_);
    const auto unpacked = unpack_one_stream({pipe.source}, sink, selection, {}, folder);
    ASSERT_EQ(unpacked.code(), folder == "/tmp" ? Code::kOk : Code::kUnsupported);
    if (unpacked.ok()) {
      EXPECT_TRUE(std::ranges::equal(Bytes(out).subspan(9), files_[0].bytes()));
    }
  }
}

TEST_P(OpsOnRepeats, InfoCountsThemWithoutPayloads) {
  const Info info = ops::info(reader_->catalog(), archive_.size());
  ASSERT_EQ(info.codecs.size(), 2u);
  const auto same = std::ranges::find(info.codecs, "same", &NamedTally::name);
  ASSERT_NE(same, info.codecs.end());
  EXPECT_EQ(same->chunks, 9u);
  EXPECT_EQ(same->bytes, 9 * kRepeatBytes);
  EXPECT_EQ(same->stored, 0u);
  std::uint64_t chunks = 0;
  for (const NamedTally& row : info.codecs) chunks += row.chunks;
  EXPECT_EQ(chunks, 15u);
  EXPECT_EQ(info.tensors.stored, 6 * kRepeatBytes);
}

}  // namespace
}  // namespace bbz::ops
