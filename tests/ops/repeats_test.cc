// Archives with chunks that repeat others, from a pipe: what is unpacked and verified of them.
#include <gtest/gtest.h>

#include "archive/sample.h"
#include "bbz/ops/unpack.h"
#include "bbz/ops/verify.h"
#include "support/assert.h"
#include "support/faulty.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

SampleFile file_of(std::string path, const std::vector<std::pair<std::string, unsigned>>& tensors) {
  SampleFile file{std::move(path), catalog::FileKind::kRegular, {}};
  for (const auto& [name, seed] : tensors) {
    file.tensors.push_back(sample_tensor(name, DType::kF32, {30, 10}, seed));
  }
  return file;
}

// b repeats parts of a, c of both and of itself.
std::vector<SampleFile> repeating() {
  return {file_of("a", {{"one", 1}, {"two", 2}}), file_of("folder/b", {{"one", 1}, {"own", 3}}),
          file_of("c", {{"two", 2}, {"own", 3}, {"new", 4}, {"again", 4}, {"first", 1}})};
}

std::vector<std::byte> archive_of(const std::vector<SampleFile>& files, DigestKind digest) {
  WriteOptions options;
  options.digest = digest;
  const auto archive = write_sample(files, options);
  EXPECT_TRUE(archive.ok()) << archive.error().message;
  return archive.ok() ? *archive : std::vector<std::byte>();
}

// Reads an archive as a pipe.
struct Pipe {
  explicit Pipe(std::vector<std::byte> archive) : bytes(std::move(archive)) {}

  std::vector<std::byte> bytes;
  std::unique_ptr<io::Source> file = io::memory_source(Bytes(bytes));
  io::SequentialSource source{*file};
};

std::string text_of(const SampleFile& file) {
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(UnpackRepeats, FromAPipeAreTakenFromTheFilesThatAreThere) {
  for (const DigestKind digest : {DigestKind::kXxh3_128, DigestKind::kSha256}) {
    const auto files = repeating();
    Pipe pipe(archive_of(files, digest));
    const io::TempDir dir;
    io::OutputTree out = io::OutputTree::open(dir / "out").value();
    const auto unpacked = unpack_stream({pipe.source}, out);
    ASSERT_TRUE(unpacked.ok()) << unpacked.error().message;
    EXPECT_EQ(unpacked->files, 3u);
    for (const SampleFile& file : files) {
      EXPECT_EQ(io::read_text(dir / ("out/" + file.path)), text_of(file)) << file.path;
    }
  }
}

TEST(UnpackRepeats, OfAFileThatIsNotSelectedNeedAnArchiveThatCanSeek) {
  const auto files = repeating();
  const auto archive = archive_of(files, DigestKind::kXxh3_128);
  UnpackOptions options;
  options.files.patterns = {"folder/b"};
  const io::TempDir dir;
  {
    Pipe pipe(archive);
    io::OutputTree out = io::OutputTree::open(dir / "piped").value();
    const auto unpacked = unpack_stream({pipe.source}, out, options);
    EXPECT_EQ(unpacked.code(), Code::kUnsupported);
    EXPECT_NE(unpacked.error().message.find("\"a\", which is not selected"), std::string::npos)
        << unpacked.error().message;
    EXPECT_FALSE(std::filesystem::exists(dir / "piped/folder/b"));
  }
  io::OutputTree out = io::OutputTree::open(dir / "sought").value();
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  ASSERT_TRUE(unpack(*reader, out, options).ok());
  EXPECT_EQ(io::read_text(dir / "sought/folder/b"), text_of(files[1]));
}

TEST(UnpackRepeats, WithinOneFileNeedAnOutputThatCanBeReadOrACopy) {
  const std::vector<SampleFile> files = {file_of("c", {{"new", 4}, {"again", 4}})};
  const auto archive = archive_of(files, DigestKind::kXxh3_128);
  std::vector<std::byte> out;
  Pipe pipe(archive);
  const auto sink = io::memory_sink(out);
  ASSERT_TRUE(unpack_one_stream({pipe.source}, *sink).ok());
  EXPECT_EQ(out, files[0].bytes());
  Pipe second(archive);
  const auto nowhere = io::null_sink();
  EXPECT_EQ(unpack_one_stream({second.source}, *nowhere, {}, {}, "/nonexistent").code(),
            Code::kUnsupported);
}

// Somebody else may change a file that was published, so its bytes are checked again.
TEST(UnpackRepeats, AreCheckedWhenTheyAreReadAgain) {
  const auto files = repeating();
  const auto archive = archive_of(files, DigestKind::kXxh3_128);
  Pipe pipe(archive);
  const io::TempDir dir;
  io::OutputTree out = io::OutputTree::open(dir / "out").value();
  UnpackOptions options;
  bool changed = false;
  options.progress = [&](std::uint64_t) {
    if (changed || !std::filesystem::exists(dir / "out/a")) return;
    changed = true;
    std::string text = io::read_text(dir / "out/a");
    text[text.size() / 2 + 5] ^= 1;
    io::write_text(dir / "out/a", text);
  };
  const auto unpacked = unpack_stream({pipe.source}, out, options);
  EXPECT_TRUE(changed);
  EXPECT_EQ(unpacked.code(), Code::kChecksum);
  EXPECT_FALSE(std::filesystem::exists(dir / "out/c"));
}

// --- verify

VerifyReport verified(const std::vector<std::byte>& archive, bool piped, bool fast = false) {
  Pipe pipe(archive);
  VerifyOptions options;
  options.fast = fast;
  const auto report = verify(piped ? static_cast<io::Source&>(pipe.source) : *pipe.file, options);
  EXPECT_TRUE(report.ok());
  return report.ok() ? *report : VerifyReport();
}

TEST(VerifyRepeats, AreWholeIfWhatTheyRepeatIs) {
  const auto archive = archive_of(repeating(), DigestKind::kXxh3_128);
  for (const bool piped : {false, true}) {
    for (const bool fast : {false, true}) {
      const VerifyReport report = verified(archive, piped, fast);
      EXPECT_TRUE(report.outcome().ok()) << report.outcome().error().message;
      EXPECT_EQ(report.chunks, 9u);
    }
  }
}

TEST(VerifyRepeats, DigestsOfTheirFilesNeedAnArchiveThatCanSeek) {
  const auto archive = archive_of(repeating(), DigestKind::kSha256);
  EXPECT_TRUE(verified(archive, false).outcome().ok());
  EXPECT_TRUE(verified(archive, true, true).outcome().ok());
  const VerifyReport report = verified(archive, true);
  EXPECT_EQ(report.damaged, 2u);  // b and c
  EXPECT_EQ(report.outcome().code(), Code::kUnsupported);
  EXPECT_NE(report.outcome().error().message.find("verify the archive as a file"),
            std::string::npos);
}

// Copies of a safetensors file are held against their header in a pipe too.
TEST(VerifyRepeats, OfAHeaderAreKept) {
  const auto with_header = [](std::string path, std::string_view dtype) {
    SampleFile file = file_of(std::move(path), {{"one", 1}});
    const std::string json =
        R"({"__metadata__":{"note":"so that the header has more bytes than what is stored again"},)"
        R"("one":{"dtype":")" +
        std::string(dtype) + R"(","shape":[30,10],"data_offsets":[0,1200]}})";
    std::string header(8, '\0');
    header[0] = static_cast<char>(json.size());
    header += json;
    file.tensors.insert(file.tensors.begin(), sample_bytes(header));
    return file;
  };
  for (const bool piped : {false, true}) {
    const auto good =
        archive_of({with_header("a.safetensors", "F32"), with_header("b.safetensors", "F32")},
                   DigestKind::kXxh3_128);
    const VerifyReport report = verified(good, piped);
    EXPECT_TRUE(report.outcome().ok()) << report.outcome().error().message;
    const auto bad =
        archive_of({with_header("a.safetensors", "I32"), with_header("b.safetensors", "I32")},
                   DigestKind::kXxh3_128);
    EXPECT_EQ(verified(bad, piped).damaged, 2u) << piped;
    EXPECT_EQ(verified(bad, piped).outcome().code(), Code::kMalformed);
  }
}

// What is kept of the beginning of a file is not taken for what comes behind a chunk that is damaged.
TEST(VerifyRepeats, BehindADamagedChunkAreWhole) {
  SampleFile file{"a", catalog::FileKind::kRegular, {{TensorSpec::bytes(300), noise(300, 1)}}};
  SampleFile copy = file;
  copy.path = "b";
  WriteOptions options;
  options.chunk_bytes = 100;
  auto archive = write_sample({file, copy}, options).value();
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  ASSERT_EQ(reader->catalog().chunks.size(), 6u);
  archive[reader->catalog().chunks[0].payload.offset] ^= std::byte{1};
  for (const bool piped : {false, true}) EXPECT_EQ(verified(archive, piped).damaged, 2u) << piped;
}

TEST(VerifyRepeats, OfADamagedChunkAreReportedWithIt) {
  auto archive = archive_of(repeating(), DigestKind::kXxh3_128);
  const auto reader = Reader::open(io::memory_source(Bytes(archive)));
  archive[reader->catalog().chunks[0].payload.offset] ^= std::byte{1};
  for (const bool piped : {false, true}) {
    const VerifyReport report = verified(archive, piped);
    EXPECT_EQ(report.damaged, 3u) << piped;
    EXPECT_EQ(report.outcome().code(), Code::kChecksum);
    EXPECT_EQ(verified(archive, piped, true).damaged, 1u);
  }
}

}  // namespace
}  // namespace bbz::ops
