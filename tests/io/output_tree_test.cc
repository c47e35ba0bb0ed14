#include "bbz/io/output_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/modes.h"
#include "io/replace.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Status write_file(OutputTree& tree, const std::string& path, OutputOptions options) {
  BBZ_ASSIGN(const auto file, tree.create_file(path, options));
  BBZ_TRY(file->write(std::as_bytes(std::span(path))));
  return file->finish();
}

TEST(OutputTree, CreatesFilesAndFoldersBelowARootThatItMakes) {
  const TempDir dir;
  auto tree = std::move(OutputTree::open(dir / "new/root")).value();
  EXPECT_TRUE(write_file(tree, "a", kKeep).ok());
  EXPECT_TRUE(write_file(tree, "b/c/d", kKeep).ok());
  EXPECT_TRUE(write_file(tree, "b/c/e", kKeep).ok());
  EXPECT_TRUE(tree.make_directory("b/empty").ok());
  EXPECT_TRUE(tree.make_directory("b/empty").ok());
  EXPECT_THAT(dir.entries(),
              ElementsAre("new", "new/root", "new/root/a", "new/root/b", "new/root/b/c",
                          "new/root/b/c/d", "new/root/b/c/e", "new/root/b/empty"));
  EXPECT_EQ(read_text(dir / "new/root/b/c/d"), "b/c/d");
  EXPECT_EQ(write_file(tree, "b/c/d", kKeep).code(), Code::kExists);
  EXPECT_TRUE(write_file(tree, "b/c/d", kReplace).ok());
  EXPECT_EQ(write_file(tree, "b/c", kReplace).code(), Code::kExists);
  EXPECT_EQ(write_file(tree, "a/below-a-file", kReplace).code(), Code::kExists);
  EXPECT_TRUE(OutputTree::open(dir / "new/root/").ok());
  EXPECT_EQ(OutputTree::open(dir / "new/root/a").code(), Code::kIo);
  EXPECT_EQ(OutputTree::open("").code(), Code::kInvalidArgument);
}

TEST(OutputTree, GivesNewDirectoriesOnlyWhatIsAskedFor) {
  const TempDir dir;
  const ::mode_t umask = ::umask(027);
  std::filesystem::create_directory(dir / "old");
  ASSERT_EQ(::chmod((dir / "old").c_str(), 0700), 0);
  auto tree = std::move(OutputTree::open(dir.path().string())).value();
  const FileAttributes asked{.mode = 0775, .time = FileTime{5, 6}};
  for (const char* path : {"old", "new", "above/new"}) {
    EXPECT_TRUE(tree.make_directory(path, asked).ok());
  }
  EXPECT_TRUE(tree.make_directory("shut", {.mode = 0, .time = {}}).ok());
  EXPECT_TRUE(tree.make_directory("usual").ok());
  ::umask(umask);
  EXPECT_EQ(mode_of(dir / "old"), 0700u);
  EXPECT_EQ(mode_of(dir / "new"), 0750u);
  EXPECT_EQ(mode_of(dir / "above/new"), 0750u);
  EXPECT_EQ(mode_of(dir / "above"), 0750u);
  EXPECT_EQ(mode_of(dir / "shut"), 0u);
  EXPECT_EQ(mode_of(dir / "usual"), 0750u);
  struct stat status {};
  ASSERT_EQ(::stat((dir / "above/new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtim.tv_sec, 5);
  EXPECT_EQ(status.st_mtim.tv_nsec, 6);
  ASSERT_EQ(::stat((dir / "old").c_str(), &status), 0);
  EXPECT_NE(status.st_mtim.tv_sec, 5);
  ASSERT_EQ(::stat((dir / "above").c_str(), &status), 0);
  EXPECT_NE(status.st_mtim.tv_sec, 5);
}

TEST(OutputTree, RemovesWhatItHasCreatedWhereNothingLiesInIt) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "old");
  OutputTree::open(dir / "old")->remove_created();
  OutputTree::open(dir / "old/new/root/")->remove_created();
  EXPECT_THAT(dir.entries(), ElementsAre("old"));
  auto tree = std::move(OutputTree::open(dir / "old/new/root")).value();
  EXPECT_TRUE(write_file(tree, "a", kKeep).ok());
  tree.remove_created();
  EXPECT_THAT(dir.entries(), ElementsAre("old", "old/new", "old/new/root", "old/new/root/a"));
  std::filesystem::remove(dir / "old/new/root/a");
  write_text(dir / "old/new/b", "");
  tree.remove_created();
  EXPECT_THAT(dir.entries(), ElementsAre("old", "old/new", "old/new/b"));
}

TEST(OutputTree, RemovesWhatItHasCreatedBelowItself) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "root/old/empty");
  auto tree = std::move(OutputTree::open(dir / "root")).value();
  for (const char* const path :
       {"a/b/c/file", "a/b/d/file", "a/e/file", "old/f/g/file", "h/file"}) {
    EXPECT_TRUE(tree.create_file(path, kKeep).ok());  // and gives it up
  }
  EXPECT_TRUE(write_file(tree, "h/i/file", kKeep).ok());
  EXPECT_TRUE(tree.make_directory("wanted/empty").ok());
  EXPECT_TRUE(tree.create_file("later/file", kKeep).ok());
  EXPECT_TRUE(tree.make_directory("later").ok());
  tree.remove_created();
  EXPECT_THAT(dir.entries(),
              ElementsAre("root", "root/h", "root/h/i", "root/h/i/file", "root/later", "root/old",
                          "root/old/empty", "root/wanted", "root/wanted/empty"));
}

TEST(OutputTree, CreatesNoFoldersOutOfProportion) {
  const TempDir dir;
  auto tree = std::move(OutputTree::open(dir / "root")).value();
  const auto deep = [](const std::string& first, std::size_t folders) {
    std::string path = first;
    for (std::size_t i = 1; i < folders; ++i) path += "/a";
    return path + "/file";
  };
  EXPECT_TRUE(write_file(tree, deep("a", 1000), kKeep).ok());
  EXPECT_EQ(write_file(tree, deep("b", 100), kKeep).code(), Code::kLimit);
  std::filesystem::remove_all(dir / "root/a");
  auto wide = std::move(OutputTree::open(dir / "root")).value();
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(write_file(wide, deep(std::to_string(i), 15), kKeep).ok()) << i;
  }
}

TEST(OutputTree, RefusesNamesThatLeaveIt) {
  const TempDir dir;
  auto tree = std::move(OutputTree::open(dir / "root")).value();
  for (const char* path :
       {"", "/abs", "..", "../x", "a/../../x", "a//b", "./a", "a/", "a\\b", "a\nb"}) {
    EXPECT_EQ(write_file(tree, path, kReplace).code(), Code::kUnsafePath) << path;
    EXPECT_EQ(tree.make_directory(path).code(), Code::kUnsafePath) << path;
  }
  EXPECT_THAT(dir.entries(), ElementsAre("root"));
}

TEST(OutputTree, NeverWritesThroughALink) {
  const TempDir outside;
  write_text(outside / "precious", "old");
  const TempDir dir;
  std::filesystem::create_directory_symlink(outside.path(), dir / "folder");
  std::filesystem::create_symlink(outside.path() / "precious", dir / "file");
  auto tree = std::move(OutputTree::open(dir.path())).value();

  const Status through = write_file(tree, "folder/x", kReplace);
  EXPECT_EQ(through.code(), Code::kUnsafePath);
  EXPECT_THAT(through.error().message, HasSubstr("folder: is a symbolic link"));
  EXPECT_EQ(tree.make_directory("folder/x").code(), Code::kUnsafePath);
  EXPECT_EQ(tree.make_directory("folder").code(), Code::kUnsafePath);
  EXPECT_EQ(write_file(tree, "file", kKeep).code(), Code::kExists);
  EXPECT_TRUE(write_file(tree, "file", kReplace).ok());
  EXPECT_EQ(read_text(dir / "file"), "file");
  EXPECT_THAT(outside.entries(), ElementsAre("precious"));
  EXPECT_EQ(read_text(outside / "precious"), "old");
}

}  // namespace
}  // namespace bbz::io
