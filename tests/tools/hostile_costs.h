// Measures and bounds the memory and processor time that a command takes for a hostile input.
#pragma once

#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

#include "tools/hostile.h"
#include "tools/mounting.h"
#ifdef BBZ_HTTP
#include "tools/serving.h"
#endif

namespace bbz::tools {

inline constexpr double kMostMegabytes = 256;  // resident, beside the chunks that are being decoded

// The system ends a command that takes more than 20 seconds of all processors, or much memory, so
// that a fault ends the command and not the machine.
inline const std::string kLimits = "ulimit -v 12000000; ulimit -t 20; ";

struct Cost {
  int code = -1;
  double seconds = 0;
  double megabytes = 0;
  std::string err;
};

// A command line, and the column of the table in format-spec/limits.md that it belongs to.
struct Command {
  std::string column;
  std::string line;
};
using Commands = std::vector<Command>;

// All that take an archive: whole, in order and by the index.
inline const Commands kOfArchives = {{"bbzinfo", "$BBZINFO in"},
                                     {"bbzinfo", "$BBZINFO in --json"},
                                     {"bbzinfo", "$BBZINFO in --files --symmetry"},
                                     {"verify", "$BBZ verify in"},
                                     {"verify", "$BBZ verify - < in"},
                                     {"unpack", "$BBZ unpack in -f --no-sync -C out"},
                                     {"unpack", "$BBZ unpack - -f --no-sync -C out < in"},
                                     {"cat", "$BBZ cat in w0 -f -o /dev/null"},
                                     {"salvage", "$BBZ salvage in -f --no-sync -C out"},
                                     {"join", "$BBZ join in -o /dev/null"},
                                     {"flatten", "$BBZ flatten in -o /dev/null"},
                                     {"apply", "$BBZ apply in old.safetensors --no-sync"},
                                     {"push", "$RECEIVE < in"},
                                     {"compare", "$BBZ compare in in"},
                                     {"estimate", "$BBZ estimate in"},
                                     {"report", "$BBZ report in --json -o /dev/null"},
                                     {"report", "$BBZ report in --no-estimates -o /dev/null"}};

class WorstCase : public MountTest {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "memory and time are not the program's alone with a sanitizer";
    write("old.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));  // for apply
  }

  // Says what the table calls the input.
  void name_row(const std::string& row) { row_ = row; }

  // Makes the archive "in" in a process of its own: what a process has taken counts for its children
  // too. `row`: what the table calls it.
  template <class Make>
  void forge(const std::string& row, const Make& make) {
    name_row(row);
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

  // Writes another input.
  void put(const std::string& row, const std::string& name, const std::string& bytes) {
    name_row(row);
    write(name, bytes);
  }

  // Runs a command by itself and measures it.
  Cost measure(const std::string& command) {
    ::setenv("RECEIVE", BBZ_RECEIVE, 1);
    std::filesystem::remove_all(dir_ / "out");
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
  void expect_bounded(const Command& command, int threads, const Cost& cost, double buffers) {
    const std::string& line = command.line;
    std::printf("  %-64s exit %d  %6.2f s %7.0f MB\n", line.c_str(), cost.code, cost.seconds,
                cost.megabytes);
    note(command.column, threads, cost);
    const double inputs = command.column == "compare" ? 2 : 1;
    EXPECT_LE(cost.megabytes, inputs * kMostMegabytes + buffers) << line;
    EXPECT_LT(cost.code, 7) << line << "\n" << cost.err;
  }

  // Expects commands to keep within the bounds with one thread and with eight, and prints what they
  // took. `buffers`: megabytes of chunks that one thread works on.
  void expect_bounded(const std::string& input, const Commands& commands, double buffers = 0) {
    std::printf("%s: %.3f MB\n", row_.c_str(), stored_megabytes(input));
    EXPECT_LE(stored_megabytes(input), 1.05);
    for (const Command& command : commands) {
      const bool has_threads = command.line.starts_with("$BBZ ");
      for (const int threads : {1, 8}) {
        std::string line = command.line;
        if (has_threads) line.insert(line.find(' ', 5), " -T " + std::to_string(threads));
        expect_bounded({command.column, line}, has_threads ? threads : 0, measure(line),
                       buffers * (2 * threads + 2));
        if (!has_threads) break;
      }
    }
  }

  // Bounds the cost of getting the archive behind a URL: all of it, and a part, which is decoded
  // and packed again.
  void expect_get_bounded([[maybe_unused]] const std::string& part,
                          [[maybe_unused]] double buffers = 0) {
#ifdef BBZ_HTTP
    const Serving serving([this] { return read("in"); });
    ::setenv("URL", serving.url().c_str(), 1);
    expect_bounded("in",
                   {{"get", "$BBZ get $URL -f --no-sync -o o.bbz"},
                    {"get", "$BBZ get $URL -f --no-sync -o p.bbz " + part},
                    {"verify", "$BBZ verify $URL"},
                    { "cat",
                      "$BBZ cat $URL nothing" }},
                   buffers);
#else
    std::printf("  bbz get: not in this build\n");
#endif
  }

  // Bounds the cost of mounting it and reading a byte in the middle of each of its files.
  void expect_mount_bounded(double buffers = 0) {
    std::filesystem::create_directory(dir_ / "m");
    if (const auto why = why_no_mount(dir_ / "m")) {
      std::printf("  bbz mount: nothing can be mounted here: %s\n", why->c_str());
      return;
    }
    for (const int threads : {1, 8}) {
      const std::string line = "$BBZ mount -T " + std::to_string(threads) + " in m -f";
      served_ = start(kLimits + ("exec " + line) + " 2> log");
      bool ended = false;
      for (int i = 0; i < 12'000 && !ended && !is_mounted(); ++i) {
        siginfo_t state{};
        ended =
            ::waitid(P_PID, static_cast<id_t>(served_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            state.si_pid != 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      ASSERT_TRUE(ended || is_mounted()) << read("log");
      if (!ended) read_mounted_files();
      if (!ended) ::kill(served_, SIGTERM);
      expect_bounded({"mount", line}, threads, cost_of(std::exchange(served_, 0), "log"),
                     buffers * (2 * threads + 2));
    }
  }

  // All of that.
  void expect_archive_bounded(double buffers = 0, const Commands& commands = kOfArchives) {
    expect_bounded("in", commands, buffers);
    // A part is packed again, whose threads have chunks of their own.
    expect_get_bounded("--tensor 'w*'", buffers + 8);
    expect_mount_bounded(buffers);
  }
  // All of that but commands that hold a tensor whole.
  void expect_large_archive_bounded(double buffers) {
    Commands commands = kOfArchives;
    std::erase_if(commands, [](const Command& command) { return command.column == "compare"; });
    expect_archive_bounded(buffers, commands);
  }

  // Returns the megabytes that a file or a directory takes on disk, without its holes.
  double stored_megabytes(const std::string& name) {
    struct stat status {};
    ::stat((dir_ / name).c_str(), &status);
    return static_cast<double>(status.st_blocks) * 512 / 1e6;
  }

 private:
  void read_mounted_files() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_ / "m")) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      file.seekg(static_cast<std::streamoff>(entry.file_size() / 2));
      file.get();
    }
  }

  // Notes a figure for scripts/hostile, which makes the table.
  void note(const std::string& column, int threads, const Cost& cost) const {
    const char* const table = std::getenv("BBZ_HOSTILE_TABLE");
    if (table == nullptr) return;
    std::ofstream(table, std::ios::app) << row_ << '\t' << column << '\t' << threads << '\t'
                                        << cost.seconds << '\t' << cost.megabytes << '\n';
  }

  std::string row_;
};

}  // namespace bbz::tools
