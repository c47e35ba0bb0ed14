// Mounts in tests: whether this machine can, and that none outlives its test.
#pragma once

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>

#include "tools/shell.h"

namespace bbz::tools {

// Why no file system of a program's own can be mounted here, found out without bbz.
inline std::optional<std::string> why_no_mount(const std::string& folder) {
#ifndef BBZ_HAVE_FUSE
  return "bbz was built without libfuse";
#endif
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) return std::string("/dev/fuse: ") + std::strerror(errno);
  std::optional<std::string> why;
  if (::geteuid() != 0) {
    if (std::system("command -v fusermount3 > /dev/null") != 0) why = "there is no fusermount3";
  } else {
    const std::string options =
        "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0";
    if (::mount("probe", folder.c_str(), "fuse", MS_RDONLY, options.c_str()) != 0) {
      why = std::string("mount: ") + std::strerror(errno);
    } else {
      ::umount2(folder.c_str(), MNT_DETACH);
    }
  }
  ::close(device);
  return why;
}

// A test with the empty directory m to mount on, which is free again when the test ends.
class MountTest : public ToolTest {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(dir_ / "m");
    const auto why = why_no_mount(dir_ / "m");
    if (why) GTEST_SKIP() << "nothing can be mounted here: " << *why;
  }
  void TearDown() override {
    if (served_ != 0) ::kill(served_, SIGTERM);
    while (is_mounted() && ::umount2((dir_ / "m").c_str(), MNT_DETACH) != 0) {
      if (std::system(("fusermount3 -u -z '" + dir_ / "m'").c_str()) != 0) break;
    }
    if (served_ != 0) end_of_serving();
  }

  bool is_mounted() const {
    std::ifstream mounts("/proc/self/mounts");
    const std::string all(std::istreambuf_iterator<char>(mounts), {});
    return all.find(" " + dir_ / "m ") != std::string::npos;
  }

  // Serves a mount in the foreground, with what it says in the file "log".
  void serve(const std::string& options) {
    served_ = start("exec $BBZ mount -f --stats " + options + " m 2> log");
    for (int i = 0; i < 12'000 && !is_mounted(); ++i) {
      ASSERT_EQ(::waitpid(served_, nullptr, WNOHANG), 0) << read("log");
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(is_mounted()) << read("log");
  }

  // Waits for what serve() started, and gives its exit code as a shell sees it.
  int end_of_serving() {
    int status = 0;
    ::waitpid(std::exchange(served_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int end_serving(int signal = SIGTERM) {
    ::kill(served_, signal);
    return end_of_serving();
  }

  // How many chunks the mount said in the end that it had decoded.
  std::uint64_t chunks_decoded() const {
    std::string log = read("log");
    std::erase(log, ',');
    const std::size_t end = log.find(" chunks decoded");
    if (end == std::string::npos) return ~std::uint64_t{0};
    return std::stoull(log.substr(log.rfind(' ', end - 1) + 1));
  }

  nlohmann::json info(const std::string& archive) {
    return nlohmann::json::parse(sh("$BBZINFO " + archive + " --json --chunks").out);
  }

  ::pid_t served_ = 0;
};

}  // namespace bbz::tools
