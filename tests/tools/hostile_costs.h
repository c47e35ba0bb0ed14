// What a command costs that is given a hostile input: memory and processor time, bounded.
#pragma once

#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>

#include "tools/hostile.h"
#include "tools/mounting.h"
#ifdef BBZ_HTTP
#include "http/server.h"
#endif

namespace bbz::tools {

inline constexpr double kMostSeconds = 20;     // of all processors
inline constexpr double kMostMegabytes = 256;  // resident, beside the chunks that are being decoded

inline const std::string kLimits = "ulimit -v 12000000; ulimit -t 60; ";

struct Cost {
  int code = -1;
  double seconds = 0;
  double megabytes = 0;
  std::string err;
};

class Hostile : public MountTest {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "memory and time are not the program's alone with a sanitizer";
  }

  // Makes the archive "in" in a process of its own: what a process has taken counts for its children
  // too.
  template <class Make>
  void forge(const Make& make) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        Forgery archive(dir_ / "in");
        make(archive);
        archive.finish();
        ::_exit(0);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
      }
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    ASSERT_EQ(status, 0);
  }

  // Runs a command by itself and measures it. What it may allocate is limited too, so that a fault
  // ends the command and not the machine.
  Cost measure(const std::string& command) {
    ::setenv("RECEIVE", BBZ_RECEIVE, 1);
    return cost_of(start(kLimits + ("exec " + command) + " 2>messages"), "messages");
  }

  // Waits for a process and says what it took.
  Cost cost_of(pid_t child, const std::string& messages) {
    int status = 0;
    struct rusage usage {};
    ::wait4(child, &status, 0, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    Cost cost;
    cost.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    cost.seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    cost.megabytes = static_cast<double>(usage.ru_maxrss) / 1024;
    cost.err = read(messages);
    return cost;
  }

  // Prints what a command took and expects it to keep within the bounds. `buffers`: megabytes of the
  // chunks that it works on.
  void expect_bounded(const std::string& line, const Cost& cost, double buffers) {
    std::printf("  %-60s exit %d  %6.2f s %7.0f MB\n", line.c_str(), cost.code, cost.seconds,
                cost.megabytes);
    EXPECT_LE(cost.seconds, kMostSeconds) << line;
    const double inputs = line.find("compare") == std::string::npos ? 1 : 2;
    EXPECT_LE(cost.megabytes, inputs * kMostMegabytes + buffers) << line;
    EXPECT_LT(cost.code, 7) << line << "\n" << cost.err;
  }

  // Expects commands to keep within the bounds with one thread and with eight, and prints what they
  // took. `buffers`: megabytes of chunks that one thread works on.
  void expect_bounded(const std::string& input, const std::vector<std::string>& commands,
                      double buffers = 0) {
    std::printf("%s: %.3f MB\n", input.c_str(), stored_megabytes(input));
    EXPECT_LE(stored_megabytes(input), 1.05);
    for (const std::string& command : commands) {
      const bool has_threads = command.starts_with("$BBZ ");
      for (const int threads : {1, 8}) {
        std::string line = command;
        if (has_threads) line.insert(line.find(' ', 5), " -T " + std::to_string(threads));
        expect_bounded(line, measure(line), buffers * (2 * threads + 2));
        if (!has_threads) break;
      }
    }
  }

  // The same of an archive behind a URL: all of it, and a part, which is decoded.
  void expect_get_bounded(const std::string& part, double buffers = 0) {
#ifdef BBZ_HTTP
    http::Server server(read("in"));
    ::setenv("URL", server.url().c_str(), 1);
    expect_bounded(
        "in",
        {"$BBZ get $URL -f --no-sync -o o.bbz", "$BBZ get $URL -f --no-sync -o p.bbz " + part,
         "$BBZ verify $URL", "$BBZ cat $URL nothing"},
        buffers);
#else
    std::printf("  bbz get: not in this build\n");
#endif
  }

  // The same of a mount of it, when a byte in the middle of each of its files has been read.
  void expect_mount_bounded(double buffers = 0) {
    std::filesystem::create_directory(dir_ / "m");
    if (const auto why = why_no_mount(dir_ / "m")) {
      std::printf("  bbz mount: nothing can be mounted here: %s\n", why->c_str());
      return;
    }
    for (const int threads : {1, 8}) {
      const std::string line = "$BBZ mount -T " + std::to_string(threads) + " in m -f";
      served_ = start(kLimits + ("exec " + line) + " 2> log");
      for (int i = 0; i < 4000 && !is_mounted(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      ASSERT_TRUE(is_mounted()) << read("log");
      for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ / "m")) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        file.seekg(static_cast<std::streamoff>(entry.file_size() / 2));
        file.get();
      }
      ::kill(served_, SIGTERM);
      expect_bounded(line, cost_of(std::exchange(served_, 0), "log"), buffers * (2 * threads + 2));
    }
  }

  // What a file takes on disk, without its holes.
  double stored_megabytes(const std::string& name) {
    struct stat status {};
    ::stat((dir_ / name).c_str(), &status);
    return static_cast<double>(status.st_blocks) * 512 / 1e6;
  }
};

}  // namespace bbz::tools
