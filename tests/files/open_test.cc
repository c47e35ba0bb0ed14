#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "files/make_files.h"
#include "files/reading.h"
#include "support/temp_dir.h"

namespace bbz::files {
namespace {

namespace fs = std::filesystem;
using io::TempDir;
using io::write_text;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kModel = make_safetensors({{"empty", DType::kF32, {0, 4}, 0, 0},
                                             {"h.0.w", DType::kBF16, {2, 3}, 0, 0},
                                             {"scale", DType::kF64, {}, 0, 0},
                                             {"last", DType::kU8, {0}, 0, 0}},
                                            {{"format", "pt"}});

TEST(Open, ASafetensorsFileIsItsHeaderAndItsTensors) {
  const TempDir dir;
  write_text(dir / "model.safetensors", kModel);
  const auto files = std::move(open(dir / "model.safetensors")).value();
  EXPECT_EQ(files->total_size(), kModel.size());
  auto file = std::move(files->next()).value();
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->path, "model.safetensors");
  EXPECT_EQ(file->source->size(), kModel.size());
  EXPECT_TRUE(file->source->seekable());
  EXPECT_EQ(file->layout.format, "safetensors");
  EXPECT_EQ(file->layout.metadata, "{\"format\":\"pt\"}");
  const std::uint64_t h = kModel.size() - 20;
  const auto kTensor = Extent::Kind::kTensor;
  EXPECT_THAT(file->layout.extents,
              ElementsAre(Extent{Extent::Kind::kBytes, "", DType::kU8, {h}, 0, h},
                          Extent{kTensor, "empty", DType::kF32, {0, 4}, h, 0},
                          Extent{kTensor, "h.0.w", DType::kBF16, {2, 3}, h, 12},
                          Extent{kTensor, "scale", DType::kF64, {}, h + 12, 8},
                          Extent{kTensor, "last", DType::kU8, {0}, h + 20, 0}));
  EXPECT_EQ(*read_file(*file), kModel);
  EXPECT_FALSE(files->next()->has_value());
}

TEST(Open, OtherFilesAreBytes) {
  const TempDir dir;
  write_text(dir / "config.json", "{\"hidden_size\": 64}");
  write_text(dir / "empty", "");
  write_text(dir / "looks-like-one", kModel.substr(0, kModel.size() - 1));
  write_text(dir / "is-one", kModel);
  const auto found = read_all(open(dir.path()));
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(*found,
              ElementsAre(Found{"config.json", "bytes", "{\"hidden_size\": 64}"},
                          Found{"empty", "bytes", ""}, Found{"is-one", "safetensors", kModel},
                          Found{"looks-like-one", "bytes", kModel.substr(0, kModel.size() - 1)}));
}

TEST(Open, ABrokenSafetensorsFileIsRefusedUnlessItIsTakenAsBytes) {
  const TempDir dir;
  for (const std::string& text : {kModel + "x", kModel.substr(0, kModel.size() - 1),
                                  kModel.substr(0, 100), kModel.substr(0, 7), std::string()}) {
    write_text(dir / "m.safetensors", text);
    const auto refused = open(dir / "m.safetensors");
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr(dir / "m.safetensors: safetensors header: "));
    EXPECT_EQ(refused.error().remedy, Remedy::kPackAsBytes);
    const auto opaque = read_all(open(dir / "m.safetensors", {.opaque = true}));
    ASSERT_TRUE(opaque.ok()) << opaque.error().message;
    EXPECT_THAT(*opaque, ElementsAre(Found{"m.safetensors", "bytes", text}));
  }
  EXPECT_EQ(open(dir / "missing").code(), Code::kNotFound);
}

TEST(OpenDirectory, GivesEverythingBelowItInTheOrderOfPaths) {
  const TempDir dir;
  fs::create_directories(dir.path() / "a/b");
  fs::create_directories(dir.path() / "z/empty");
  write_text(dir / "a/b/model.safetensors", kModel);
  write_text(dir / "a/B", "upper");
  write_text(dir / "a.txt", "dot before slash");
  write_text(dir / ".hidden", "too");
  write_text(dir / "é 重み", "unicode");
  for (const std::string& root : {dir.path().string(), dir / ""}) {
    const auto files = std::move(open(root)).value();
    EXPECT_EQ(files->total_size(), kModel.size() + 5 + 16 + 3 + 7);
    const auto found = read_all(open(root));
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_THAT(
        *found,
        ElementsAre(Found{".hidden", "bytes", "too"}, Found{"a.txt", "bytes", "dot before slash"},
                    Found{"a/B", "bytes", "upper"},
                    Found{"a/b/model.safetensors", "safetensors", kModel},
                    Found{"z/empty", "/", ""}, Found{"é 重み", "bytes", "unicode"}));
  }
  const TempDir empty;
  EXPECT_THAT(*read_all(open(empty.path())), IsEmpty());
}

TEST(OpenDirectory, KeepsWithinTheLimitOfFiles) {
  const TempDir dir;
  fs::create_directory(dir / "a");
  fs::create_directory(dir / "b");
  write_text(dir / "a/1", "");
  write_text(dir / "b/2", "");
  EXPECT_TRUE(open(dir.path(), {.max_files = 2}).ok());
  EXPECT_EQ(open(dir.path(), {.max_files = 1}).code(), Code::kLimit);
}

TEST(OpenDirectory, ABrokenFileIsAnErrorOfItsOwnStep) {
  const TempDir dir;
  write_text(dir / "a", "fine");
  write_text(dir / "b.safetensors", "broken");
  const auto files = std::move(open(dir.path())).value();
  EXPECT_TRUE(files->next().ok());
  const auto broken = files->next();
  ASSERT_FALSE(broken.ok());
  EXPECT_THAT(broken.error().message, HasSubstr("b.safetensors: safetensors header: "));
}

// The models beside the project, if there are any.
TEST(Open, RealModelsAreTiledAndReadBackTheSame) {
  if (!fs::is_directory(BBZ_SHARED_DATA)) GTEST_SKIP() << "no " << BBZ_SHARED_DATA;
  const auto found = read_all(open(BBZ_SHARED_DATA));
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_GT(found->size(), 3u);
  for (const Found& file : *found) {
    EXPECT_TRUE(file.text == io::read_text(BBZ_SHARED_DATA "/" + file.path)) << file.path;
    EXPECT_EQ(file.format == "safetensors", file.path.ends_with(".safetensors")) << file.path;
  }
}

}  // namespace
}  // namespace bbz::files
