// Where an output that a user names goes: what is looked at is what is written to.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "bbz/io/fd.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"
#include "io/replace.h"
#include "support/bytes.h"
#include "support/temp_dir.h"

namespace bbz::io {
namespace {

using testing::HasSubstr;

// A FIFO with somebody who reads it.
class Fifo {
 public:
  explicit Fifo(const std::string& path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0666), 0);
    reader_ = Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(static_cast<bool>(reader_));
  }
  // Returns the bytes that have arrived.
  std::string read() {
    std::array<char, 100> buffer{};
    const ssize_t n = ::read(reader_.get(), buffer.data(), buffer.size());
    return {buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
  }

 private:
  Fd reader_;
};

Status write_to(const std::string& path, const std::string& text,
                const OutputOptions& options = kKeep) {
  BBZ_ASSIGN(const auto sink, create_output(path, options));
  BBZ_TRY(sink->write(bytes_of(text)));
  return sink->finish();
}

TEST(CreateOutput, WritesToAFifoOfThisUser) {
  const TempDir dir;
  Fifo fifo(dir / "fifo");
  std::filesystem::create_symlink("fifo", dir / "link");
  EXPECT_TRUE(write_to(dir / "fifo", "direct").ok());
  EXPECT_EQ(fifo.read(), "direct");
  EXPECT_TRUE(write_to(dir / "link", "through a link").ok());
  EXPECT_EQ(fifo.read(), "through a link");
  EXPECT_TRUE(write_to("/dev/null", "gone").ok());
}

TEST(CreateOutput, WritesNothingToAFifoOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's FIFO";
  const TempDir dir;
  Fifo fifo(dir / "fifo");
  ASSERT_EQ(::chown((dir / "fifo").c_str(), 65534, 65534), 0);
  std::filesystem::create_symlink("fifo", dir / "link");
  for (const char* const name : {"fifo", "link"}) {
    for (const OutputOptions& options : {kKeep, kReplace}) {
      const Status refused = write_to(dir / name, "secret", options);
      EXPECT_EQ(refused.code(), Code::kIo) << name;
      EXPECT_THAT(refused.error().message, HasSubstr("of another user"));
      EXPECT_EQ(fifo.read(), "");
    }
  }
}

// Without a reader, an open for writing would wait.
TEST(CreateOutput, DoesNotWaitForAFifoOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's FIFO";
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0666), 0);
  ASSERT_EQ(::chown((dir / "fifo").c_str(), 65534, 65534), 0);
  EXPECT_EQ(write_to(dir / "fifo", "secret").code(), Code::kIo);
}

// A shell may have opened it as another user: the process holds it already.
TEST(CreateOutput, WritesToAPipeThatTheProcessHolds) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::fchown(ends[1], 65534, 65534), 0);
  }
  const std::string path = "/dev/fd/" + std::to_string(ends[1]);
  EXPECT_TRUE(write_to(path, "text").ok());
  std::array<char, 10> buffer{};
  EXPECT_EQ(::read(ends[0], buffer.data(), buffer.size()), 4);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(CreateOutput, FollowsNoLinkOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's link";
  const TempDir dir;
  Fifo fifo(dir / "fifo");
  std::filesystem::create_symlink("fifo", dir / "link");
  ASSERT_EQ(::lchown((dir / "link").c_str(), 65534, 65534), 0);
  EXPECT_EQ(write_to(dir / "link", "secret").code(), Code::kExists);
  EXPECT_TRUE(write_to(dir / "link", "text", kReplace).ok());
  EXPECT_EQ(fifo.read(), "");
  EXPECT_EQ(read_text(dir / "link"), "text");
}

TEST(CreateOutput, NeverWritesThroughALinkToAFile) {
  const TempDir dir;
  write_text(dir / "precious", "old");
  std::filesystem::create_symlink("precious", dir / "link");
  std::filesystem::create_symlink("nowhere", dir / "dangling");
  EXPECT_EQ(write_to(dir / "link", "new").code(), Code::kExists);
  EXPECT_EQ(write_to(dir / "dangling", "new").code(), Code::kExists);
  EXPECT_TRUE(write_to(dir / "link", "new", kReplace).ok());
  EXPECT_TRUE(write_to(dir / "dangling", "new", kReplace).ok());
  EXPECT_EQ(read_text(dir / "precious"), "old");
  EXPECT_THAT(dir.entries(), testing::ElementsAre("dangling", "link", "precious"));
}

TEST(OpenLog, AppendsToOwnFilesAndThroughOwnLinks) {
  const TempDir dir;
  const auto append = [&](const std::string& name, const std::optional<FileStatus>& input = {}) {
    const auto fd = open_log(dir / name, input);
    return fd.ok() ? write_fully(fd->get(), bytes_of("line\n"), name) : Status(fd.error());
  };
  EXPECT_TRUE(append("log").ok());
  std::filesystem::create_symlink("log", dir / "link");
  EXPECT_TRUE(append("link").ok());
  EXPECT_EQ(read_text(dir / "log"), "line\nline\n");
  write_text(dir / "archive", "archive");
  std::filesystem::create_hard_link(dir / "archive", dir / "hard");
  const auto input = (*open_file(dir / "archive"))->file_status();
  for (const char* const name : {"archive", "hard"}) {
    EXPECT_EQ(append(name, input).code(), Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(read_text(dir / "archive"), "archive");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(append("fifo").code(), Code::kIo);  // nobody reads it
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another user's files";
  write_text(dir / "victim", "kept");
  std::filesystem::create_symlink("victim", dir / "trap");
  ASSERT_EQ(::lchown((dir / "trap").c_str(), 65534, 65534), 0);
  EXPECT_FALSE(append("trap").ok());
  EXPECT_EQ(read_text(dir / "victim"), "kept");
  ASSERT_EQ(::chown((dir / "log").c_str(), 65534, 65534), 0);
  EXPECT_EQ(append("log").code(), Code::kIo);
}

// Somebody swaps a FIFO for a link to a file, again and again: nothing is written through it.
TEST(CreateOutput, ARaceWritesToNothingElse) {
  const TempDir dir;
  write_text(dir / "precious", "old");
  Fifo fifo(dir / "fifo");
  std::atomic<bool> done = false;
  std::thread racer([&] {
    while (!done) {
      std::error_code ignored;  // create_output() may have been faster
      std::filesystem::create_hard_link(dir / "fifo", dir / "f", ignored);
      ::unlink((dir / "f").c_str());
      std::filesystem::create_symlink("precious", dir / "f", ignored);
      ::unlink((dir / "f").c_str());
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const auto sink = create_output(dir / "f", kKeep);
    if (sink.ok() && !(*sink)->can_patch()) {
      EXPECT_TRUE((*sink)->write(bytes_of("secret")).ok());
      EXPECT_TRUE((*sink)->finish().ok());
    }
    if (read_text(dir / "precious") != "old") break;
  }
  done = true;
  racer.join();
  EXPECT_EQ(read_text(dir / "precious"), "old");
}

}  // namespace
}  // namespace bbz::io
