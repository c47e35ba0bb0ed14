// Files that change while they are read.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "files/make_files.h"
#include "files/reading.h"
#include "io/changes.h"

namespace bbz::files {
namespace {

namespace fs = std::filesystem;
using io::change_file;
using io::kChanges;
using io::TempDir;
using io::write_text;
using testing::HasSubstr;

const std::string kChanging = make_safetensors({{"h.0.w", DType::kBF16, {20, 3}, 0, 0}});

std::unique_ptr<FileSequence> open_files(const TempDir& dir, bool folder) {
  write_text(dir / "m.safetensors", kChanging);
  write_text(dir / "z", "z");
  return std::move(open(folder ? dir.path().string() : dir / "m.safetensors")).value();
}

void expect_changed(const Status& status, const std::string& path) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kIo) << status.error().message;
  EXPECT_THAT(status.error().message, HasSubstr(path)) << status.error().message;
  EXPECT_THAT(status.error().message, HasSubstr("while it was read"));
}

Status next_of(FileSequence& files) {
  const auto file = files.next();
  return file.ok() ? Status() : Status(file.error());
}

TEST(Change, BetweenListingAndReadingIsAnError) {
  for (const bool folder : {false, true}) {
    for (const auto change : kChanges) {
      const TempDir dir;
      const auto files = open_files(dir, folder);
      change_file(dir / "m.safetensors", change);
      expect_changed(next_of(*files), dir / "m.safetensors");
    }
  }
}

TEST(Change, BetweenLookingAndReadingIsAnError) {
  for (const bool folder : {false, true}) {
    for (const auto change : kChanges) {
      const TempDir dir;
      const auto files = open_files(dir, folder);
      ASSERT_TRUE(files->look().ok());
      change_file(dir / "m.safetensors", change);
      expect_changed(next_of(*files), dir / "m.safetensors");
    }
  }
}

TEST(Change, AfterReadingIsAnErrorOfTheEnd) {
  for (const bool folder : {false, true}) {
    for (const auto change : kChanges) {
      const TempDir dir;
      const auto files = open_files(dir, folder);
      {
        auto file = std::move(files->next()).value();
        EXPECT_EQ(*read_file(*file), kChanging);
      }
      EXPECT_TRUE(files->check_unchanged().ok());
      change_file(dir / "m.safetensors", change);
      if (folder) {
        EXPECT_EQ((*files->next())->path, "z");
      }
      expect_changed(files->check_unchanged(), dir / "m.safetensors");
    }
  }
}

TEST(Change, OfStandardInputIsSeenIfItIsAFile) {
  const TempDir dir;
  for (const std::string& text :
       {kChanging, std::string("plain"), tar_member("a", "x") + tar_end()}) {
    for (const auto change : {io::Change::kOverwritten, io::Change::kGrown}) {
      write_text(dir / "input", text);
      const int fd = ::open((dir / "input").c_str(), O_RDONLY);
      auto stream = io::pipe_source(fd, io::Ownership::kOwned, "standard input");
      const auto files = std::move(open_stream(std::move(stream))).value();
      auto file = std::move(files->next()).value();
      EXPECT_TRUE(read_file(*file).ok());
      EXPECT_TRUE(files->check_unchanged().ok());
      change_file(dir / "input", change);
      expect_changed(files->check_unchanged(), "standard input");
    }
  }
}

// Files that were neither listed nor asked for may change.
TEST(Change, OfWhatIsNotPackedDoesNotMatter) {
  const TempDir dir;
  write_text(dir / "a", "a");
  write_text(dir / "log", "x");
  const auto files = std::move(open(dir.path(), {.excluded = {"log"}})).value();
  ASSERT_TRUE(files->look().ok());
  change_file(dir / "log", io::Change::kGrown);
  write_text(dir / "new", "x");
  EXPECT_TRUE(next_of(*files).ok());
  EXPECT_TRUE(files->check_unchanged().ok());
}

}  // namespace
}  // namespace bbz::files
