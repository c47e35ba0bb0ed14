// Files that a user finds again: taken only if nobody else can have had a hand in them.
#include "bbz/io/own_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "io/modes.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::HasSubstr;

constexpr OwnFileOptions kRead{.write = false};
constexpr OwnFileOptions kWrite{};
constexpr OwnFileOptions kCreate{.create = true};
constexpr OwnFileOptions kAll[] = {kRead,
                                   kWrite,
                                   kCreate,
                                   {.others = OthersMayWrite::kTaken},
                                   {.create = true, .others = OthersMayWrite::kTaken},
                                   {.others = OthersMayWrite::kLeft}};

class OwnFile : public testing::Test {
 protected:
  OwnFile() { write_text(dir_ / "kept", "kept"); }

  // No way of opening takes it, or changes what it is or leads to.
  void expect_refused(const std::string& name, const std::string& why) {
    for (const OwnFileOptions& options : kAll) {
      const auto before = dir_.entries();
      const auto fd = open_own_file(dir_ / name, options);
      EXPECT_EQ(fd.code(), Code::kExists) << name;
      if (!fd.ok()) {
        EXPECT_THAT(fd.error().message, HasSubstr(dir_ / name + ": already exists and " + why));
      }
      EXPECT_EQ(dir_.entries(), before) << name;
      EXPECT_EQ(read_text(dir_ / "kept"), "kept");
    }
  }

  TempDir dir_;
};

TEST_F(OwnFile, IsOpenedOrCreated) {
  for (const OwnFileOptions& options : kAll) {
    EXPECT_TRUE(open_own_file(dir_ / "kept", options).ok());
    EXPECT_EQ(read_text(dir_ / "kept"), "kept");
    if (options.create) continue;
    EXPECT_EQ(open_own_file(dir_ / "none", options).code(), Code::kNotFound);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "none"));
  }
  const auto made = open_own_file(dir_ / "new", kCreate);
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(::pwrite(made->get(), "new", 3, 0), 3);
  EXPECT_EQ(read_text(dir_ / "new"), "new");
  EXPECT_EQ(open_own_file(dir_ / "none/new", kCreate).code(), Code::kNotFound);
}

TEST_F(OwnFile, IsOpenedForWhatIsAskedAndNotInherited) {
  const auto read = open_own_file(dir_ / "kept", kRead);
  EXPECT_LT(::pwrite(read->get(), "x", 1, 0), 0);
  EXPECT_EQ(read_text(dir_ / "kept"), "kept");
  for (const OwnFileOptions& options : kAll) {
    const auto fd = open_own_file(dir_ / "kept", options);
    EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

// The mode does not depend on the umask.
TEST_F(OwnFile, IsCreatedForThisUserToWrite) {
  const mode_t before = ::umask(0);
  EXPECT_TRUE(open_own_file(dir_ / "open", kCreate).ok());
  ::umask(077);
  EXPECT_TRUE(open_own_file(dir_ / "private", kCreate).ok());
  ::umask(before);
  EXPECT_EQ(mode_of(dir_ / "open"), 0644u);
  EXPECT_EQ(mode_of(dir_ / "private"), 0600u);
}

TEST_F(OwnFile, IsNoLink) {
  std::filesystem::create_symlink("kept", dir_ / "link");
  std::filesystem::create_symlink("nowhere", dir_ / "dangling");
  std::filesystem::create_symlink("loop", dir_ / "loop");
  for (const char* const name : {"link", "dangling", "loop"}) {
    expect_refused(name, "is a symbolic link");
  }
  std::filesystem::create_hard_link(dir_ / "kept", dir_ / "hard");
  expect_refused("hard", "has another name (a hard link)");
}

TEST_F(OwnFile, IsARegularFileAndNothingIsWaitedFor) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  std::filesystem::create_directory(dir_ / "folder");
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir_ / "socket";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  for (const char* const name : {"fifo", "folder", "socket"}) {
    expect_refused(name, "is not a regular file");
  }
}

TEST_F(OwnFile, BelongsToThisUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's file";
  write_text(dir_ / "foreign", "text");
  ASSERT_EQ(::chown((dir_ / "foreign").c_str(), 65534, 65534), 0);
  expect_refused("foreign", "belongs to another user");
}

TEST_F(OwnFile, IsNotWrittenToByOthers) {
  for (const std::uint32_t mode : {0664u, 0646u, 0666u, 0620u, 0602u}) {
    write_text(dir_ / "shared", "text");
    for (const OwnFileOptions& options : {kRead, kWrite, kCreate}) {
      ASSERT_EQ(::chmod((dir_ / "shared").c_str(), mode), 0);
      const auto fd = open_own_file(dir_ / "shared", options);
      ASSERT_EQ(fd.code(), Code::kExists) << mode;
      EXPECT_THAT(fd.error().message, HasSubstr("is writable by others"));
      EXPECT_EQ(mode_of(dir_ / "shared"), mode);
    }
    EXPECT_TRUE(open_own_file(dir_ / "shared", {.others = OthersMayWrite::kLeft}).ok());
    EXPECT_EQ(mode_of(dir_ / "shared"), mode);
    EXPECT_TRUE(open_own_file(dir_ / "shared", {.others = OthersMayWrite::kTaken}).ok());
    EXPECT_EQ(mode_of(dir_ / "shared"), mode & ~022u);
    EXPECT_EQ(read_text(dir_ / "shared"), "text");
  }
}

// One of many that create it at once has created it, and all have the same file.
TEST_F(OwnFile, IsCreatedOnce) {
  for (int round = 0; round < 50; ++round) {
    std::vector<std::thread> threads;
    std::vector<Fd> opened(4);
    for (Fd& fd : opened) {
      threads.emplace_back([&] {
        auto made = open_own_file(dir_ / "new", kCreate);
        if (made.ok()) fd = std::move(*made);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Fd& fd : opened) EXPECT_TRUE(fd && stands_at(fd.get(), dir_ / "new"));
    std::filesystem::remove(dir_ / "new");
  }
}

TEST_F(OwnFile, StandsAtItsName) {
  const auto fd = open_own_file(dir_ / "kept", kRead);
  EXPECT_TRUE(stands_at(fd->get(), dir_ / "kept"));
  EXPECT_FALSE(stands_at(fd->get(), dir_ / "none"));
  std::filesystem::rename(dir_ / "kept", dir_ / "moved");
  EXPECT_TRUE(stands_at(fd->get(), dir_ / "moved"));
  std::filesystem::create_symlink("moved", dir_ / "kept");
  EXPECT_FALSE(stands_at(fd->get(), dir_ / "kept"));
  std::filesystem::remove(dir_ / "kept");
  write_text(dir_ / "kept", "kept");
  EXPECT_FALSE(stands_at(fd->get(), dir_ / "kept"));
}

}  // namespace
}  // namespace bbz::io
