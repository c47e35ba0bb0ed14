// Standard input and output with O_NONBLOCK, as a parent may leave them: they are waited for.
#include <thread>

#include "tools/every_command.h"

namespace bbz::tools {
namespace {

class Nonblocking : public EveryCommand {
 protected:
  // A pipe of which a command gets one end, under a number that a shell can name, without waiting.
  struct Pipe {
    Pipe(bool is_input) {
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
      given = ::fcntl(ends[is_input ? 0 : 1], F_DUPFD, 3);
      ::close(ends[is_input ? 0 : 1]);
      own = ends[is_input ? 1 : 0];
      if (given > 9) throw std::runtime_error("no number below 10 is free");
      ::fcntl(given, F_SETFL, O_NONBLOCK);
      ::fcntl(own, F_SETPIPE_SZ, 4096);
    }
    int given = -1;
    int own = -1;
  };

  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
};

TEST_F(Nonblocking, StandardInputIsWaitedFor) {
  for (const auto& rows : {successes(), failures()}) {
    for (const CommandLine& row : rows) {
      if (row.input.empty()) continue;
      const Finished expected = run(row);
      std::filesystem::remove_all(dir_ / "out");
      const std::string input = read(row.input);
      const Pipe pipe(true);
      const ::pid_t child = start(row.with("<&" + std::to_string(pipe.given)));
      const auto before = ::signal(SIGPIPE, SIG_IGN);
      ::close(pipe.given);
      pause();
      for (std::size_t fed = 0; fed < input.size();) {
        const std::size_t size = std::min<std::size_t>(4000, input.size() - fed);
        const ssize_t n = ::write(pipe.own, input.data() + fed, size);
        if (n < 0) break;
        fed += static_cast<std::size_t>(n);
        if (fed > input.size() / 2 && fed <= input.size() / 2 + 4000) pause();
      }
      ::close(pipe.own);
      ::signal(SIGPIPE, before);
      EXPECT_EQ(end_of(child).code, expected.code) << row.command;
      EXPECT_EQ(exists("out"), row.makes) << row.command;
    }
  }
}

TEST_F(Nonblocking, StandardOutputIsWaitedFor) {
  for (const CommandLine& row : successes()) {
    if (!row.prints) continue;
    const Finished expected = run(row);
    std::filesystem::remove_all(dir_ / "out");
    const Pipe pipe(false);
    const std::string input = row.input.empty() ? "" : "< " + row.input + " ";
    const ::pid_t child = start(row.with(input + ">&" + std::to_string(pipe.given)));
    ::close(pipe.given);
    pause();
    std::string out;
    char some[4096];
    for (ssize_t n = 0; (n = ::read(pipe.own, some, sizeof some)) > 0;) {
      out.append(some, static_cast<std::size_t>(n));
    }
    ::close(pipe.own);
    EXPECT_EQ(end_of(child).code, 0) << row.command;
    EXPECT_TRUE(out == expected.out) << row.command;
  }
}

}  // namespace
}  // namespace bbz::tools
