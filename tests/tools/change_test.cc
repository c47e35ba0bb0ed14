// Sources that change while a command reads them. A lease or a FIFO holds the command, so
// that nothing depends on how fast it is.
#include <poll.h>
#include <sys/stat.h>

#include "io/changes.h"
#include "support/bytes.h"
#include "tools/lease.h"
#include "tools/models.h"
#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

using io::Change;
using io::change_file;
using io::kChanges;

class ChangingSource : public ToolTest {
 protected:
  void SetUp() override {
    write("probe", "x");
    if (!Lease(dir_ / "probe").taken()) GTEST_SKIP() << "no leases on this file system";
  }

  void write_models() {
    write("in/a.safetensors", safetensors_of(small_sliced_model()));
    write("in/config.json", "{}");
    write("other/b.safetensors", safetensors_of(small_sliced_model()));
  }

  // Starts the command, changes `changed` when it opens `held`, and expects that it says so.
  void expect_noticed(const std::string& command, const std::string& changed,
                      const std::string& held, Change change) {
    SCOPED_TRACE(command + ", " + std::to_string(static_cast<int>(change)));
    write_models();
    Lease lease(dir_ / held);
    ASSERT_TRUE(lease.taken());
    const pid_t child = start(command);
    EXPECT_TRUE(lease.wait_for_open());
    change_file(dir_ / changed, change);
    lease.release();
    const Finished finished = end_of(child);
    EXPECT_EQ(finished.code, 5) << finished.err;
    EXPECT_NE(finished.err.find(changed), std::string::npos) << finished.err;
    EXPECT_NE(finished.err.find("while it was read"), std::string::npos) << finished.err;
    EXPECT_FALSE(exists("out"));
    EXPECT_FALSE(left_temporaries());
  }
};

TEST_F(ChangingSource, IsNoticedByEveryCommandThatReadsModels) {
  for (const Change change : kChanges) {
    expect_noticed("$BBZ estimate in/a.safetensors", "in/a.safetensors", "in/config.json", change);
    expect_noticed("$BBZ estimate --json in", "in/a.safetensors", "in/config.json", change);
    expect_noticed("$BBZ compare in/a.safetensors other/b.safetensors", "in/a.safetensors",
                   "other/b.safetensors", change);
    expect_noticed("$BBZ compare other/b.safetensors in/a.safetensors", "in/a.safetensors",
                   "in/config.json", change);
  }
}

TEST_F(ChangingSource, IsNoticedByEveryWayToPackAFolder) {
  for (const Change change : kChanges) {
    for (const std::string option :
         {"", "--digest sha256", "--index-first", "--symmetry auto", "--skip-unreadable"}) {
      expect_noticed("$BBZ pack in -o out " + option, "in/a.safetensors", "in/config.json", change);
    }
  }
}

TEST_F(ChangingSource, IsNoticedInTheMiddleOfPacking) {
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  for (const std::string command :
       {"$BBZ pack in/m.bin -o fifo", "$BBZ pack in -o fifo", "$BBZ pack -T 1 in -o fifo",
        "$BBZ pack in --symmetry auto -o fifo", "$BBZ pack - -o fifo < in/m.bin"}) {
    for (const Change change : kChanges) {
      const bool through_descriptor = command.find('<') != std::string::npos;
      if (through_descriptor && (change == Change::kReplaced || change == Change::kRemoved)) {
        continue;  // the file that is read is as it was
      }
      SCOPED_TRACE(command + ", " + std::to_string(static_cast<int>(change)));
      write("in/m.bin", noise_text(3 << 20, 1));
      write("in/z.txt", "z");
      const pid_t child = start(command);
      const int fifo = ::open((dir_ / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
      pollfd readable{fifo, POLLIN, 0};
      ASSERT_EQ(::poll(&readable, 1, 20'000), 1);
      ASSERT_EQ(::fcntl(fifo, F_SETFL, 0), 0);
      change_file(dir_ / "in/m.bin", change);
      std::string piece(1 << 16, '\0');
      while (::read(fifo, piece.data(), piece.size()) > 0) continue;
      ::close(fifo);
      const Finished finished = end_of(child);
      EXPECT_EQ(finished.code, 5) << finished.err;
      const std::string name = through_descriptor ? "standard input" : "in/m.bin";
      EXPECT_NE(finished.err.find(name), std::string::npos) << finished.err;
    }
  }
}

}  // namespace
}  // namespace bbz::tools
