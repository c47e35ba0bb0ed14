#include "bbz/ops/symmetry.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "bbz/symmetry/linalg/product.h"
#include "files/gguf/make_file.h"
#include "ops/rotation/packed.h"
#include "ops/sequence.h"
#include "support/temp_dir.h"

namespace bbz::ops {
namespace {

// A directory of a rotated model and files before and after it.
TEST(PackSymmetric, ProgressGoesThroughAllFilesAndThreadsAreThoseOfTheWriter) {
  const io::TempDir dir;
  const auto model =
      rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
  io::write_text(dir / "config.json", std::string(5000, ' '));
  io::write_text(dir / "model.safetensors",
                 {reinterpret_cast<const char*>(model.data()), model.size()});
  io::write_text(dir / "tokenizer.json", std::string(7000, ' '));
  const auto files = files::open(dir.path(), {}).value();
  const std::uint64_t total = *files->total_size();
  for (const auto method :
       {rotation::RequestedMethod::kBitsBack, rotation::RequestedMethod::kPolar}) {
    for (const unsigned threads : {1u, 2u}) {
      std::vector<std::byte> archive;
      const auto sink = io::memory_sink(archive);
      std::vector<std::uint64_t> said;
      PackOptions options;
      options.write.threads = threads;
      ASSERT_TRUE(files->rewind().ok());
      options.progress = [&](std::uint64_t bytes) { said.push_back(bytes); };
      const auto packed = pack_symmetric(*files, *sink, options, {.method = method});
      ASSERT_TRUE(packed.ok()) << packed.error().message;
      ASSERT_TRUE(packed->record.has_value());
      EXPECT_TRUE(std::ranges::is_sorted(said));
      // The rotated model's header is longer than the one that was read.
      const auto whole = [&](std::uint64_t bytes) { return bytes >= total - 7000; };
      EXPECT_GT(std::ranges::count_if(said, std::not_fn(whole)), 20);
      EXPECT_EQ(said.back(), total);
      EXPECT_EQ(linalg::threads(),
                linalg::has_lapack() ? std::min(threads, rotation::processors()) : 1);
    }
  }
}

// Counts the files that are opened after all were examined.
class CountingFiles final : public SequenceOf {
 public:
  using SequenceOf::SequenceOf;
  Result<std::optional<files::SourceFile>> next() override {
    auto file = SequenceOf::next();
    if (file.ok() && *file) ++opened;
    return file;
  }

  int opened = 0;
};

TEST(PackSymmetric, OpensEachFileOnceAfterAllWereExamined) {
  const io::TempDir dir;
  const auto model =
      rotation::file_of(test_models::sliced_model(rotation::small_spec("llama", DType::kF16)));
  io::write_text(dir / "config.json", "{}");
  io::write_text(dir / "model.safetensors",
                 {reinterpret_cast<const char*>(model.data()), model.size()});
  for (const bool several : {false, true}) {
    if (several)
      io::write_text(dir / "other.safetensors", io::read_text(dir / "model.safetensors"));
    CountingFiles files(files::open(dir.path()).value());
    std::vector<std::byte> archive;
    const auto packed = pack_symmetric(files, *io::memory_sink(archive), {},
                                       {.method = rotation::RequestedMethod::kPolar});
    ASSERT_TRUE(packed.ok()) << packed.error().message;
    EXPECT_EQ(files.opened, several ? 3 : 2);
    EXPECT_EQ(packed->record.has_value(), !several);
    EXPECT_EQ(packed->reason,
              several
                  ? "2 files hold models, and their names do not say that they are the parts of one"
                  : "");
  }
}

// A rotated model is a safetensors file, which would lose what else a GGUF file has.
TEST(PackSymmetric, LeavesGgufFilesExact) {
  const io::TempDir dir;
  const auto rotated = test_models::sliced_model(rotation::small_spec("llama", DType::kF32));
  std::vector<gguf::Made> made = {{"blocks", {64, 2}, 2, 72}, {"unknown", {256, 2}, 16, 132}};
  for (std::size_t i = 0; i < rotated.infos.size(); ++i) {
    const TensorInfo& info = rotated.infos[i];
    made.push_back(
        {info.name, {info.shape.rbegin(), info.shape.rend()}, 0, rotated.bytes[i].size()});
  }
  const auto text = [](Bytes bytes) { return std::string(as_text(bytes)); };
  io::write_text(dir / "model.gguf", text(gguf::file_of(made)));
  for (const bool beside : {false, true}) {
    if (beside) io::write_text(dir / "z.safetensors", text(rotation::file_of(rotated)));
    for (const auto method :
         {rotation::RequestedMethod::kAuto, rotation::RequestedMethod::kPolar}) {
      const auto files = files::open(dir.path()).value();
      std::vector<std::byte> archive;
      const auto packed = pack_symmetric(*files, *io::memory_sink(archive), {}, {.method = method});
      ASSERT_TRUE(packed.ok()) << packed.error().message;
      EXPECT_EQ(packed->record.has_value(), beside);
      EXPECT_EQ(packed->reason,
                beside ? "" : "\"model.gguf\": the symmetry coder does not rotate GGUF files");
      const auto reader = Reader::open(io::memory_source(Bytes(archive)));
      ASSERT_TRUE(reader.ok()) << reader.error().message;
      const auto& file = reader->catalog().files[0];
      ASSERT_EQ(file.path, "model.gguf");
      std::vector<std::byte> bytes(file.size);
      ASSERT_TRUE(reader->read_file(0, 0, bytes).ok());
      EXPECT_EQ(bytes, gguf::file_of(made));
    }
  }
}

TEST(PackSymmetric, RefusesAStreamBeforeItWrites) {
  const auto files = files::open_stream(io::memory_source(std::vector<std::byte>(100))).value();
  std::vector<std::byte> archive;
  const auto packed = pack_symmetric(*files, *io::memory_sink(archive), {}, {});
  EXPECT_EQ(packed.code(), Code::kInvalidArgument);
  EXPECT_TRUE(archive.empty());
}

}  // namespace
}  // namespace bbz::ops
