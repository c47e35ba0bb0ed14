// Commands that multiply matrices, for a user who may start few processes: a container's limit,
// ulimit -u.
#include <sys/resource.h>

#include "tools/shell.h"
#include "tools/sliced_model.h"

namespace bbz::tools {
namespace {

namespace fs = std::filesystem;

// Runs commands as a user with no other process, who may have `processes` of them and threads.
class FewProcesses : public ToolTest {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "the sanitizer needs a process of its own";
    if (::geteuid() != 0) GTEST_SKIP() << "another user's processes can be started by root only";
    fs::permissions(dir_.path(), fs::perms::all);
    fs::copy_file(BBZ_TOOL, dir_ / "bbz");
    write("sliced.safetensors", safetensors_of(small_sliced_model()));
  }

  Finished with(int processes, const std::string& command) {
    // Each has its own: what an earlier one left may not have ended.
    const std::string user = std::to_string(61000 + processes);
    return sh("umask 0; timeout -k 1 60 prlimit --nproc=" + std::to_string(processes) +
              " setpriv --reuid=" + user + " --regid=" + user + " --clear-groups " + command);
  }
};

TEST_F(FewProcesses, CommandsDoWhatTheyDoOtherwise) {
  EXPECT_EXIT_CODE(0, "./bbz estimate sliced.safetensors --json >want.json");
  // Fewer than OpenBLAS wants, as many as it wants without the margin, and all.
  for (const int processes : {1, 2, 5, 8, 40, 60}) {
    const std::string output = "p" + std::to_string(processes) + ".bbz";
    for (const std::string& command :
         {std::string("./bbz estimate sliced.safetensors -T 8"),
          "./bbz pack sliced.safetensors -T 8 --symmetry polar -o " + output,
          "./bbz pack sliced.safetensors -T 1 --symmetry bits-back -f -o " + output,
          "./bbz compare sliced.safetensors " + output + " -T 8 --max-orbit 0.01"}) {
      const Finished finished = with(processes, command);
      EXPECT_EQ(finished.code, 0) << processes << ": " << command << "\n" << finished.err;
      EXPECT_EQ(finished.err.find("BLAS"), std::string::npos) << finished.err;
    }
  }
}

}  // namespace
}  // namespace bbz::tools
