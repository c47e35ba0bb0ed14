// Runs the built tools as a user does: commands of a shell, in the test's own directory.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "support/temp_dir.h"

namespace bbz::tools {

// Whether the tools are built with a sanitizer, as the tests are: then it handles faults, takes memory
// and address space of its own, and starts a process at the end.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

struct Finished {
  int code = -1;  // as a shell sees it: 128 + N if signal N ended it
  std::string out;
  std::string err;
};

class ToolTest : public testing::Test {
 protected:
  // Runs a command line in which $BBZ and $BBZINFO are the tools.
  Finished sh(const std::string& command) { return end_of(start(command)); }

  // Waits for what start() has started.
  Finished end_of(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    Finished finished;
    finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    finished.out = io::read_text(logs_ / "out");
    finished.err = io::read_text(logs_ / "err");
    return finished;
  }

  // Starts it without waiting.
  pid_t start(const std::string& command) {
    const std::string out = logs_ / "out";
    const std::string err = logs_ / "err";
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (before_) before_();
    ::setenv("BBZ", BBZ_TOOL, 1);
    ::setenv("BBZINFO", BBZINFO_TOOL, 1);
    ::setenv("LC_ALL", "C", 1);
    for (const char* const name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                   "ALL_PROXY", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
      ::unsetenv(name);
    }
    const auto open_as = [](const std::string& path, int flags, int fd) {
      return ::dup2(::open(path.c_str(), flags, 0600), fd) == fd;
    };
    if (::chdir(dir_.path().c_str()) != 0 || !open_as("/dev/null", O_RDONLY, 0) ||
        !open_as(out, O_WRONLY | O_CREAT | O_TRUNC, 1) ||
        !open_as(err, O_WRONLY | O_CREAT | O_TRUNC, 2)) {
      ::_exit(126);
    }
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(dir_ / name).parent_path());
    io::write_text(dir_ / name, text);
  }
  std::string read(const std::string& name) const { return io::read_text(dir_ / name); }
  bool exists(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(dir_ / name));
  }
  // Whether a temporary file was left anywhere.
  bool left_temporaries() const {
    for (const std::string& name : dir_.entries()) {
      if (name.find(".bbz-") != std::string::npos) return true;
    }
    return false;
  }

  io::TempDir dir_;
  std::function<void()> before_;  // called in each process before the command line

 private:
  io::TempDir logs_;
};

#define EXPECT_EXIT_CODE(expected, command)                                          \
  do {                                                                               \
    const Finished bbz_finished = sh(command);                                       \
    EXPECT_EQ(bbz_finished.code, expected) << (command) << "\n" << bbz_finished.err; \
  } while (false)

}  // namespace bbz::tools
