// Entries of a directory beside plain files: links, odd names, entries that are not files, excluded
// entries, and the output itself.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "bbz/files/internal/folder.h"
#include "bbz/format/container/constants.h"
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

const std::string kOneTensor = make_safetensors({{"h.0.w", DType::kBF16, {2, 3}, 0, 0}});

std::vector<std::string> paths(const std::string& root, const Options& options = {}) {
  const auto found = read_all(open(root, options));
  EXPECT_TRUE(found.ok()) << found.error().message;
  std::vector<std::string> names;
  if (!found.ok()) return names;
  for (const Found& file : *found) names.push_back(file.path);
  return names;
}

std::string quoted_path(const std::string& path) {
  return "\"" + path + "\"";
}

TEST(OpenDirectory, FollowsLinksWithinIt) {
  const TempDir dir;
  fs::create_directory(dir / "blobs");
  write_text(dir / "blobs/0123", kOneTensor);
  fs::create_directories(dir / "snapshots/main");
  fs::create_symlink("../../blobs/0123", dir / "snapshots/main/model.safetensors");
  fs::create_directory_symlink("snapshots/main", dir / "again");
  EXPECT_THAT(*read_all(open(dir.path())),
              ElementsAre(Found{"again/model.safetensors", "safetensors", kOneTensor},
                          Found{"blobs/0123", "safetensors", kOneTensor},
                          Found{"snapshots/main/model.safetensors", "safetensors", kOneTensor}));
}

TEST(OpenDirectory, AsksBeforeEachFileWhetherToGoOn) {
  const TempDir dir;
  for (const char* name : {"a", "b", "c"}) write_text(dir / name, name);
  int asked = 0;
  Options options;
  options.before_file = [&] {
    return ++asked == 3 ? Status(Error{Code::kCancelled, "enough"}) : Status();
  };
  const auto files = open(dir.path(), options);
  ASSERT_TRUE(files.ok()) << files.error().message;
  const Status looked = (*files)->look();
  EXPECT_EQ(looked.code(), Code::kCancelled);
  EXPECT_EQ(asked, 3);
}

TEST(OpenDirectory, FollowsLinksThatLeadOutOnRequestOnly) {
  const TempDir store;
  fs::create_directory(store / "blobs");
  write_text(store / "blobs/0123", kOneTensor);
  const std::string back = "../" + store.path().filename().string();
  const std::vector<std::pair<std::string, std::string>> links = {
      {"model.safetensors", store / "blobs/0123"},
      {"model.safetensors", back + "/blobs/0123"},
      {"folder", store / "blobs"},
      {"folder", "../" + store.path().filename().string() + "/blobs"}};
  for (const auto& [name, target] : links) {
    const TempDir dir;
    fs::create_symlink(target, dir / name);
    const auto refused = open(dir.path());
    ASSERT_FALSE(refused.ok()) << target;
    EXPECT_EQ(refused.code(), Code::kUnsafePath);
    EXPECT_EQ(refused.error().message,
              quoted_path(dir / name) + ": is a symbolic link that leads out of the directory");
    // Nor is it left out with what cannot be read: it can be.
    EXPECT_EQ(open(dir.path(), {.skip_unreadable = true}).code(), Code::kUnsafePath);
    EXPECT_THAT(paths(dir.path(), {.follow_links = true}),
                ElementsAre(name == "folder" ? "folder/0123" : name));
    EXPECT_THAT(paths(dir.path(), {.excluded = {name}}), IsEmpty());
  }
  // A link that leads out and in again, and one in the middle of a path.
  const TempDir dir;
  write_text(dir / "a", "a");
  fs::create_symlink("../" + dir.path().filename().string() + "/a", dir / "b");
  EXPECT_EQ(open(dir.path()).code(), Code::kUnsafePath);
  // The directory itself may be named by a link.
  const TempDir other;
  fs::create_directory_symlink(store.path(), other / "link");
  EXPECT_THAT(paths(other / "link"), ElementsAre("blobs/0123"));
}

// The file that was listed is the one that is read, even if another gets its name later.
TEST(OpenDirectory, ALinkPutIntoItsPlaceIsNotFollowed) {
  const TempDir outside;
  write_text(outside / "secret", "secret");
  fs::create_directory(outside / "folder");
  write_text(outside / "folder/file", "secret");
  for (const bool follow : {false, true}) {
    const TempDir dir;
    fs::create_directory(dir / "folder");
    write_text(dir / "folder/file", "public");
    write_text(dir / "last", "public");
    const auto files = std::move(open(dir.path(), {.follow_links = follow})).value();
    fs::rename(dir / "folder", dir / "old");
    fs::create_directory_symlink(outside / "folder", dir / "folder");
    EXPECT_EQ(files->next().code(), Code::kIo);
    fs::remove(dir / "last");
    fs::create_symlink(outside / "secret", dir / "last");
    EXPECT_EQ(files->next().code(), Code::kIo);
  }
}

TEST(OpenDirectory, OpensWithoutLinksWhereTheSystemIsOld) {
  const TempDir dir;
  fs::create_directories(dir / "a/b");
  write_text(dir / "a/b/file", "text");
  fs::create_symlink("file", dir / "a/b/link");
  fs::create_directory_symlink("a", dir / "up");
  const io::Fd root(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY));
  const auto error_of = [&](const std::string& path, int flags = O_RDONLY) {
    return open_without_links(root.get(), path, flags).error;
  };
  EXPECT_EQ(error_of("a/b/file"), 0);
  EXPECT_EQ(error_of("a/b", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(error_of("a/b/file", O_PATH), 0);
  EXPECT_EQ(error_of("a/b/link"), EXDEV);
  EXPECT_EQ(error_of("a/b/link", O_PATH), EXDEV);
  EXPECT_EQ(error_of("up/b/file"), EXDEV);
  EXPECT_EQ(error_of("a/none"), ENOENT);
  EXPECT_EQ(error_of("a/b/file/x"), ENOTDIR);
  std::string text(4, '?');
  const Opened opened = open_without_links(root.get(), "a/b/file", O_RDONLY);
  ASSERT_EQ(::read(opened.fd.get(), text.data(), 4), 4);
  EXPECT_EQ(text, "text");
}

// Checks what the message says of an entry of a directory that cannot be packed, and that each of
// the two ways to leave it out works.
void expect_refused(const TempDir& dir, const std::string& name, Code code,
                    const std::string& message, bool follow = false) {
  write_text(dir / "a file", "x");
  const auto refused = open(dir.path(), {.follow_links = follow});
  ASSERT_FALSE(refused.ok()) << message;
  EXPECT_EQ(refused.code(), code) << refused.error().message;
  EXPECT_THAT(refused.error().message, HasSubstr(message));
  const auto without = paths(dir.path(), {.excluded = {name}, .follow_links = follow});
  EXPECT_EQ(without.front(), "a file");
  const auto files =
      std::move(open(dir.path(), {.skip_unreadable = true, .follow_links = follow})).value();
  ASSERT_EQ(files->left_out().size(), 1u);
  EXPECT_THAT(files->left_out()[0].reason, HasSubstr(message));
  auto first = std::move(files->next()).value();
  if (first->path == "a") first = std::move(files->next()).value();  // what is left of it
  EXPECT_EQ(first->path, "a file");
}

TEST(OpenDirectory, RefusesWhatCannotBePackedByName) {
  {
    const TempDir dir;
    fs::create_symlink("nowhere", dir / "link");
    expect_refused(dir, "link", Code::kInvalidArgument,
                   quoted_path(dir / "link") + ": is a broken symbolic link");
  }
  {
    const TempDir dir;
    fs::create_symlink("link", dir / "link");
    expect_refused(dir, "link", Code::kInvalidArgument, "broken symbolic link: too many links");
  }
  {
    const TempDir dir;
    fs::create_directories(dir.path() / "a/b");
    fs::create_directory_symlink("../..", dir / "a/b/up");
    expect_refused(dir, "a", Code::kInvalidArgument,
                   quoted_path(dir / "a/b/up") + ": is a symbolic link to a directory above it");
  }
  {
    const TempDir dir;
    fs::create_directory(dir / "sub");
    ASSERT_EQ(::mkfifo((dir / "sub/fifo").c_str(), 0600), 0);
    expect_refused(dir, "sub", Code::kInvalidArgument,
                   quoted_path(dir / "sub/fifo") + ": is a FIFO");
  }
  {
    const TempDir dir;
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = dir / "socket";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(fd);
    expect_refused(dir, "socket", Code::kInvalidArgument, quoted_path(path) + ": is a socket");
  }
  {
    const TempDir dir;
    fs::create_symlink("/dev/null", dir / "device");
    expect_refused(dir, "device", Code::kInvalidArgument,
                   quoted_path(dir / "device") + ": is a device", true);
  }
}

TEST(OpenDirectory, NamesWhatNoArchiveCanHoldWithItsFolder) {
  const std::vector<std::pair<std::string, std::string>> names = {
      {"not UTF-8 \xE9", "not UTF-8 \\xe9"},
      {"back\\slash", "back\\slash"},
      {"new\nline", "new\\x0aline"},
      {"tab\t", "tab\\x09"},
      {std::string(190, 'n') + "\n", std::string(190, 'n') + "\\x0a"}};
  for (const auto& [name, shown] : names) {
    const TempDir dir;
    fs::create_directory(dir / "sub");
    write_text(dir / "sub/" + name, "");
    expect_refused(dir, name, Code::kUnsafePath,
                   quoted_path(dir / "sub/" + shown) + ": unsafe path: it ");
  }
}

TEST(OpenDirectory, LeavesOutWhatMatches) {
  const TempDir dir;
  for (const std::string name : {"a.pt", "b.txt", ".cache/x", "sub/a.pt", "sub/deep/optimizer.pt",
                                 "sub/deep/b.txt", "sub/[x]"}) {
    fs::create_directories(fs::path(dir / name).parent_path());
    write_text(dir / name, "x");
  }
  const auto without = [&](std::vector<std::string> patterns) {
    return paths(dir.path(), {.excluded = std::move(patterns)});
  };
  const std::string x = ".cache/x";
  EXPECT_THAT(without({"*.pt"}), ElementsAre(x, "b.txt", "sub/[x]", "sub/deep/b.txt"));
  EXPECT_THAT(without({"a.pt", ".cache/"}),
              ElementsAre("b.txt", "sub/[x]", "sub/deep/b.txt", "sub/deep/optimizer.pt"));
  EXPECT_THAT(without({"sub/a.pt", "deep"}), ElementsAre(x, "a.pt", "b.txt", "sub/[x]"));
  EXPECT_THAT(without({"sub/*"}), ElementsAre(x, "a.pt", "b.txt", "sub"));
  EXPECT_THAT(without({"[x]", "sub/deep"}), ElementsAre(".cache", "a.pt", "b.txt", "sub/a.pt"));
  EXPECT_THAT(without({"*"}), IsEmpty());
  EXPECT_EQ(without({"none", ""}).size(), 7u);
}

TEST(OpenDirectory, TakesWhatMatchesAsBytes) {
  const TempDir dir;
  write_text(dir / "a.safetensors", kOneTensor);
  write_text(dir / "broken.safetensors", "broken");
  EXPECT_FALSE(read_all(open(dir.path())).ok());
  EXPECT_THAT(*read_all(open(dir.path(), {.opaque_paths = {"b*"}})),
              ElementsAre(Found{"a.safetensors", "safetensors", kOneTensor},
                          Found{"broken.safetensors", "bytes", "broken"}));
}

TEST(OpenDirectory, LooksAtEveryFileBeforeItsFirstIsRead) {
  const TempDir dir;
  write_text(dir / "a", "fine");
  write_text(dir / "b.safetensors", "broken");
  const auto files = std::move(open(dir.path())).value();
  EXPECT_THAT(files->look().error().message, HasSubstr("b.safetensors: safetensors header: "));
  const auto whole = std::move(open(dir.path(), {.excluded = {"b.*"}})).value();
  EXPECT_TRUE(whole->look().ok());
  EXPECT_EQ((*whole->next())->path, "a");
}

// Is a user who may not read everything, even if tests run as root.
class AsNobody {
 public:
  AsNobody() : was_(::geteuid()) { EXPECT_EQ(::seteuid(was_ == 0 ? 65534 : was_), 0); }
  ~AsNobody() { EXPECT_EQ(::seteuid(was_), 0); }

 private:
  uid_t was_;
};

TEST(OpenDirectory, FindsOutAtOnceWhatItMayNotRead) {
  const TempDir dir;
  write_text(dir / "a", "a");
  write_text(dir / "z", "secret");
  fs::create_directory(dir / "locked");
  write_text(dir / "locked/file", "secret");
  for (const char* const name : {"z", "locked"}) fs::permissions(dir / name, fs::perms::none);
  fs::permissions(dir.path(), fs::perms{0755});
  {
    const AsNobody nobody;
    const auto refused = open(dir.path());
    EXPECT_EQ(refused.code(), Code::kIo);
    EXPECT_THAT(refused.error().message, HasSubstr(quoted_path(dir / "locked") + ": cannot open"));
    const auto files = std::move(open(dir.path(), {.excluded = {"locked"}})).value();
    const Status looked = files->look();
    EXPECT_EQ(looked.code(), Code::kIo);
    EXPECT_THAT(looked.error().message, HasSubstr(dir / "z: cannot open"));
    const auto rest = std::move(open(dir.path(), {.skip_unreadable = true})).value();
    EXPECT_TRUE(rest->look().ok());
    EXPECT_EQ(rest->left_out().size(), 2u);
    EXPECT_EQ(rest->total_size(), 1u);
    EXPECT_THAT(*read_all(*rest), ElementsAre(Found{"a", "bytes", "a"}));
    EXPECT_TRUE(rest->check_unchanged().ok());
  }
  fs::permissions(dir / "locked", fs::perms::owner_all);
}

TEST(OpenDirectory, WarnsOfShardsThatAreNotThere) {
  const TempDir dir;
  fs::create_directory(dir / "sub");
  write_text(dir / "sub/one.safetensors", kOneTensor);
  write_text(dir / "sub/m.index.json",
             R"({"metadata":{"weight_map":"x"},"weight_map":{"a":"one.safetensors",)"
             R"("b":"two.safetensors","c":"three.safetensors"},"z":{"k":"other"}})");
  const auto warnings = [&](const Options& options) {
    const auto files = std::move(open(dir.path(), options)).value();
    EXPECT_TRUE(files->look().ok());
    return files->warnings();
  };
  EXPECT_THAT(warnings({}), ElementsAre(dir / "sub/m.index.json: names 2 missing files, "
                                              "the first of them \"three.safetensors\""));
  write_text(dir / "sub/three.safetensors", kOneTensor);
  EXPECT_THAT(warnings({}), ElementsAre(dir / "sub/m.index.json: names a missing file: "
                                              "\"two.safetensors\""));
  write_text(dir / "sub/two.safetensors", kOneTensor);
  EXPECT_THAT(warnings({}), IsEmpty());
  EXPECT_EQ(warnings({.excluded = {"two*"}}).size(), 1u);
  for (const std::string text : {"", "{", "[]", "{\"weight_map\":[\"x\"]}", "no JSON"}) {
    write_text(dir / "sub/m.index.json", text);
    EXPECT_THAT(warnings({}), IsEmpty()) << text;
  }
}

TEST(OpenDirectory, NeverGivesTheOutput) {
  const TempDir dir;
  const std::string archive(reinterpret_cast<const char*>(container::kMagic.data()),
                            container::kMagic.size());
  fs::create_directories(dir / "model/sub");
  write_text(dir / "model/a", "a");
  write_text(dir / "model/.bbz-0123456789abcdef.tmp", "of a run that was killed");
  write_text(dir / "model/.bbz-0123456789abcdeg.tmp", "no temporary");
  fs::create_directory_symlink(dir.path() / "model", dir / "link");
  const auto without = [&](const std::string& output) {
    return paths(dir / "model", {.output = output});
  };
  const std::string other = ".bbz-0123456789abcdeg.tmp";
  for (const std::string output : {"model/x.bbz", "link/x.bbz", "model/sub/../x.bbz"}) {
    EXPECT_THAT(without(dir / output), ElementsAre(other, "a", "sub"));
    // An archive at the output's path will be replaced; anything else there is a source.
    write_text(dir / "model/x.bbz", archive + "old");
    EXPECT_THAT(without(dir / output), ElementsAre(other, "a", "sub"));
    EXPECT_THAT(without(""), ElementsAre(other, "a", "sub", "x.bbz"));
    write_text(dir / "model/x.bbz", "no archive");
    const auto refused = open(dir / "model", {.output = dir / output});
    EXPECT_EQ(refused.code(), Code::kInvalidArgument);
    fs::remove(dir / "model/x.bbz");
  }
  // By another name of the same file.
  write_text(dir / "old.bbz", archive);
  fs::create_hard_link(dir / "old.bbz", dir / "model/copy.bbz");
  EXPECT_THAT(without(dir / "old.bbz"), ElementsAre(other, "a", "sub"));
  fs::remove(dir / "model/copy.bbz");
  fs::create_hard_link(dir / "model/a", dir / "name-of-a");
  EXPECT_EQ(open(dir / "model", {.output = dir / "name-of-a"}).code(), Code::kInvalidArgument);
  EXPECT_EQ(open(dir / "model/a", {.output = dir / "name-of-a"}).code(), Code::kInvalidArgument);
  // A FIFO that is written to.
  ASSERT_EQ(::mkfifo((dir / "model/fifo").c_str(), 0600), 0);
  EXPECT_THAT(without(dir / "model/fifo"), ElementsAre(other, "a", "sub"));
}

}  // namespace
}  // namespace bbz::files
