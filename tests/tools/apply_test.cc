// `bbz apply`: updates of files, refused or killed.
#include <gmock/gmock.h>
#include <signal.h>

#include "tools/bases.h"

namespace bbz::tools {
namespace {

using ::testing::HasSubstr;

TEST_F(Bases, ApplyUpdatesAFile) {
  EXPECT_EXIT_CODE(0, "cp base.safetensors model.safetensors && chmod 640 model.safetensors");
  EXPECT_EXIT_CODE(0, "$BBZ apply -q tuned.bbz model.safetensors");
  EXPECT_EXIT_CODE(0, "cmp model.safetensors tuned.safetensors");
  EXPECT_EXIT_CODE(0, "test $(stat -c %a model.safetensors) = 640");
  refused(8, "$BBZ apply -q tuned.bbz model.safetensors", "this is another base");
  refused(8, "$BBZ apply -q tuned.bbz other.safetensors", "this is another base");
  refused(2, "$BBZ apply -q base.bbz other.safetensors", "leans on no base");
  EXPECT_EXIT_CODE(0, "ln -s base.safetensors link");
  refused(2, "$BBZ apply -q tuned.bbz link", "link");
  EXPECT_EXIT_CODE(0, "cmp model.safetensors tuned.safetensors");
}

TEST_F(Bases, ApplyRefusesWhatWouldBeLost) {
  // The model has a layer more than its base had.
  write("more.safetensors", layered_model(4, 128));
  EXPECT_EXIT_CODE(0, "cp more.safetensors old");
  EXPECT_EXIT_CODE(0,
                   "cp tuned.safetensors less.safetensors && "
                   "$BBZ pack -q less.safetensors --base more.safetensors");
  refused(2, "$BBZ apply -q less.bbz more.safetensors", "the updated file lacks");
  EXPECT_EXIT_CODE(0, "cmp more.safetensors old");
  const std::string before = read("base.bbz");
  refused(2, "$BBZ apply -q tuned.bbz base.bbz", "is a bbz archive, and the updated file a safe");
  EXPECT_EQ(read("base.bbz"), before);
}

TEST_F(Bases, ApplyKeepsTheOwner) {
  EXPECT_EXIT_CODE(0, "cp base.safetensors model.safetensors && chmod 640 model.safetensors");
  if (::geteuid() != 0) GTEST_SKIP() << "only root may give a file away";
  EXPECT_EXIT_CODE(
      0, "chown 12345:54321 model.safetensors && $BBZ apply -q tuned.bbz model.safetensors");
  EXPECT_EXIT_CODE(0, "test $(stat -c %u:%g:%a model.safetensors) = 12345:54321:640");
}

// Returns whether a process has an unnamed or temporary file open.
bool is_writing(pid_t process) {
  std::error_code error;
  const std::filesystem::path folder = "/proc/" + std::to_string(process) + "/fd";
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    const std::string target = std::filesystem::read_symlink(entry->path(), ignored).string();
    if (target.find("(deleted)") != std::string::npos ||
        target.find(".bbz-") != std::string::npos) {
      return true;
    }
  }
  return false;
}

TEST_F(Bases, ApplyDoesNotReplaceAFileThatWasReplaced) {
  const std::string base = layered_model(3, 900);
  write("big.safetensors", base);
  write("next.safetensors", stepped(base, 3));
  EXPECT_EXIT_CODE(0, "$BBZ pack -q next.safetensors --base big.safetensors -o next.bbz");
  bool met = false;
  for (int i = 0; i < 50 && !met; ++i) {
    write("model.safetensors", base);
    write("mine", "mine");
    const pid_t child = start("exec $BBZ apply -q next.bbz model.safetensors");
    siginfo_t ended{};
    while (!is_writing(child) && ended.si_pid == 0) {
      ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    ::kill(child, SIGSTOP);
    met = is_writing(child) && read("model.safetensors") == base;
    std::filesystem::rename(dir_ / "mine", dir_ / "model.safetensors");
    ::kill(child, SIGCONT);
    const Finished finished = end_of(child);
    if (!met) continue;
    EXPECT_NE(finished.code, 0);
    EXPECT_THAT(finished.err, HasSubstr("changed while it was updated"));
    EXPECT_EQ(read("model.safetensors"), "mine");
  }
  EXPECT_TRUE(met);
}

TEST_F(Bases, KillsOfApplyLoseNothing) {
  const std::string base = layered_model(3, 900);
  const std::string tuned = stepped(base, 3);
  write("big.safetensors", base);
  write("next.safetensors", tuned);
  EXPECT_EXIT_CODE(0, "$BBZ pack -q next.safetensors --base big.safetensors -o next.bbz");
  unsigned old = 0;
  for (unsigned i = 0; i < 20; ++i) {
    write("model.safetensors", base);
    const pid_t child = start("exec $BBZ apply -q next.bbz model.safetensors");
    ::usleep(i * 5000);
    ::kill(child, SIGKILL);
    end_of(child);
    const std::string now = read("model.safetensors");
    EXPECT_TRUE(now == base || now == tuned) << i;
    old += now == base;
  }
  EXPECT_GT(old, 0u);
  write("model.safetensors", base);
  EXPECT_EXIT_CODE(
      0, "$BBZ apply -q next.bbz model.safetensors && cmp model.safetensors next.safetensors");
  EXPECT_FALSE(left_temporaries());
}

}  // namespace
}  // namespace bbz::tools
