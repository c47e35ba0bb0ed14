// Kills and full disks: nothing under the target's name, and what was there before as it was.
#include <sys/mount.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "io/forbid_calls.h"
#include "support/bytes.h"
#include "tools/models.h"
#include "tools/shell.h"

namespace bbz::tools {
namespace {

class Interruption : public ToolTest {
 protected:
  // Begins to pack a stream that does not end, over an archive that is there, and returns when the
  // temporary file has come to be.
  pid_t start_packing() {
    write("old.bbz", "old");
    std::filesystem::remove(dir_ / "fifo");
    EXPECT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
    const pid_t child = start("exec $BBZ pack fifo -f -o old.bbz");
    writer_ = ::open((dir_ / "fifo").c_str(), O_WRONLY);  // waits for the reader
    const std::string some = noise_text(1 << 16, 1);
    EXPECT_EQ(::write(writer_, some.data(), some.size()), static_cast<ssize_t>(some.size()));
    for (int i = 0; i < 12'000 && !has_temporary(child); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(has_temporary(child));
    return child;
  }

  // Returns whether the process has opened its output: a file in the directory that has no name
  // yet, or that of a temporary. What else it was started with, such as unnamed files for what it
  // prints, is not meant.
  bool has_temporary(pid_t process) const {
    std::error_code error;
    const std::string here = std::filesystem::canonical(dir_.path()).string() + "/";
    const std::string folder = "/proc/" + std::to_string(process) + "/fd";
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string name = std::filesystem::read_symlink(entry, error).string();
      if (!name.starts_with(here)) continue;
      if (name.ends_with(" (deleted)") || name.find(".bbz-") != std::string::npos) return true;
    }
    return false;
  }

  int end_by(pid_t child, int signal) {
    ::kill(child, signal);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(writer_);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  int writer_ = -1;
};

TEST_F(Interruption, AKillLeavesTheOldArchive) {
  EXPECT_EQ(end_by(start_packing(), SIGKILL), SIGKILL);
  EXPECT_EQ(read("old.bbz"), "old");
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Interruption, WithoutUnnamedFilesTheNextRunRemovesWhatAKillLeaves) {
  if (io::in_child([] {
        io::forbid_unnamed_files();
        return 0;
      }) != 0) {
    GTEST_SKIP() << "no seccomp filters here";
  }
  before_ = io::forbid_unnamed_files;
  EXPECT_EQ(end_by(start_packing(), SIGKILL), SIGKILL);
  EXPECT_EQ(read("old.bbz"), "old");
  EXPECT_TRUE(left_temporaries());
  write("file", "text");
  EXPECT_EXIT_CODE(0, "$BBZ pack file -o new.bbz");
  EXPECT_FALSE(left_temporaries());
  EXPECT_EQ(end_by(start_packing(), SIGTERM), SIGTERM);
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Interruption, ASignalLeavesNothingBehind) {
  EXPECT_EQ(end_by(start_packing(), SIGTERM), SIGTERM);
  EXPECT_EQ(read("old.bbz"), "old");
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Interruption, AnInterruptLeavesNothingBehind) {
  EXPECT_EQ(end_by(start_packing(), SIGINT), SIGINT);
  EXPECT_EQ(read("old.bbz"), "old");
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Interruption, AFileSizeLimitIsAnErrorOfOutput) {
  write("noise", noise_text(3 << 20, 2));
  write("old.bbz", "old");
  EXPECT_EXIT_CODE(5, "ulimit -f 1024; $BBZ pack noise -f -o old.bbz");
  EXPECT_EXIT_CODE(5, "ulimit -f 1024; $BBZ pack noise -o new.bbz");
  EXPECT_EQ(read("old.bbz"), "old");
  EXPECT_FALSE(exists("new.bbz"));
  EXPECT_FALSE(left_temporaries());
  EXPECT_EXIT_CODE(0, "$BBZ pack noise");
  EXPECT_EXIT_CODE(5, "ulimit -f 1024; $BBZ unpack noise.bbz -C out");
  EXPECT_FALSE(exists("out/noise"));
  EXPECT_FALSE(left_temporaries());
}

TEST_F(Interruption, AFullDiskIsAnErrorOfOutput) {
  const std::string disk = dir_ / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "no small disk can be mounted here: " << std::strerror(errno);
  }
  write("noise", noise_text(3 << 20, 3));
  write("disk/old.bbz", "old");
  EXPECT_EXIT_CODE(5, "$BBZ pack noise -f -o disk/old.bbz");
  EXPECT_EXIT_CODE(5, "$BBZ pack noise -o disk/new.bbz");
  EXPECT_EQ(read("disk/old.bbz"), "old");
  EXPECT_FALSE(exists("disk/new.bbz"));
  EXPECT_FALSE(left_temporaries());
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST_F(Interruption, AReaderThatGoesAwayEndsItQuietly) {
  write("noise", noise_text(3 << 20, 4));
  ASSERT_EQ(sh("$BBZ pack noise").code, 0);
  const Finished finished =
      sh("{ $BBZ cat noise.bbz noise; echo $? > code; } | head -c 10 > /dev/null");
  EXPECT_EQ(read("code"), std::to_string(128 + SIGPIPE) + "\n");
  EXPECT_EQ(finished.err, "");
}

}  // namespace
}  // namespace bbz::tools
