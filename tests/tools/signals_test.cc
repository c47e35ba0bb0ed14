// Signals that end a command: it dies of them, and leaves nothing behind.
#include <sys/ioctl.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "tools/every_command.h"
#include "tools/noisy_model.h"

namespace bbz::tools {
namespace {

// Every signal that ends a process which does nothing about it, but SIGKILL.
std::vector<int> ending_signals() {
  std::vector<int> numbers = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,    SIGTRAP, SIGABRT, SIGBUS,
                              SIGFPE,  SIGUSR1, SIGSEGV, SIGUSR2,   SIGALRM, SIGTERM, SIGSTKFLT,
                              SIGXCPU, SIGPROF, SIGIO,   SIGVTALRM, SIGPWR,  SIGSYS};
  numbers.push_back(SIGRTMIN);
  numbers.push_back(SIGRTMAX);
  if (kSanitized) {
    const std::set<int> handled = {SIGILL, SIGBUS, SIGFPE, SIGSEGV};
    std::erase_if(numbers, [&](int number) { return handled.contains(number); });
  }
  return numbers;
}

class Signals : public EveryCommand {
 protected:
  // Starts a command that waits for the second half of its standard input, and returns when it has
  // read the first.
  ::pid_t start_waiting(const CommandLine& row, const std::string& ignoring = "") {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const std::string input = read(row.input);
    const std::string half = input.substr(0, input.size() / 2);
    EXPECT_LE(half.size(), 65536u);  // a pipe takes it at once
    EXPECT_EQ(::write(ends[1], half.data(), half.size()), static_cast<ssize_t>(half.size()));
    const std::string fd = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(ends[0]);
    const ::pid_t child = start("ulimit -c 0; " + ignoring + "exec " + row.command + " < " + fd);
    int waiting = 1;
    for (int i = 0; i < 60'000 && waiting != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ::ioctl(ends[0], FIONREAD, &waiting);
    }
    EXPECT_EQ(waiting, 0) << row.command;
    // It waits now, or is about to.
    input_ = {ends[0], ends[1]};
    return child;
  }

  // Sends a signal and waits for the end. Returns the signal that it died of, or 0.
  int end_by(::pid_t child, int number) {
    ::kill(child, number);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(input_.first);
    ::close(input_.second);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  std::pair<int, int> input_;
};

TEST_F(Signals, EndCommandsThatWaitAndLeaveNothing) {
  for (const CommandLine& row : successes()) {
    if (row.input.empty()) continue;
    for (const int number : ending_signals()) {
      // Every signal for one command, two of them for the others.
      const bool all = row.command == "$BBZ unpack - -C out/below";
      if (!all && number != SIGQUIT && number != SIGXCPU) continue;
      std::filesystem::remove_all(dir_ / "out");
      EXPECT_EQ(end_by(start_waiting(row), number), number) << row.command;
      // The files of a stream that came whole stay.
      if (row.input != "in/folder.bbz") {
        EXPECT_FALSE(exists("out")) << row.command << " after signal " << number;
      }
      EXPECT_EQ(strays(), std::set<std::string>()) << row.command << " after signal " << number;
    }
  }
}

TEST_F(Signals, ThatAreIgnoredFromOutsideStayIgnored) {
  const CommandLine row{"$BBZ pack - -o out", 0, true, false, "in/model.safetensors"};
  for (const std::string name : {"HUP", "INT", "USR1", "ALRM"}) {
    const ::pid_t child = start_waiting(row, "trap '' " + name + "; ");
    EXPECT_EQ(std::system(("kill -" + name + " " + std::to_string(child)).c_str()), 0);
    EXPECT_EQ(end_by(child, SIGTERM), SIGTERM) << name;
  }
}

#ifdef BBZ_HTTP
TEST_F(Signals, EndCommandsThatWaitForAServer) {
  // The first request is answered, with which most commands open the archive, then it is silent; if
  // one request may be enough, not even that.
  write("large.safetensors", noisy_model(3, 2 << 20));
  ASSERT_EQ(sh("$BBZ pack -q large.safetensors --index-first").code, 0);
  std::atomic<int> left = 0;
  http::Server server(read("large.bbz"), [&](const auto&, http::ServerConnection& connection) {
    if (left-- > 0) return false;
    connection.wait(std::chrono::minutes(1));
    return true;
  });
  note_inputs();
  ::setenv("URL", server.url().c_str(), 1);
  for (const std::string command :
       {"unpack $URL -C out/below", "unpack $URL -o out", "unpack $URL --layer 2 -C out/below",
        "cat $URL model.layers.2.mlp.weight -o out", "verify $URL", "salvage $URL -o out/below",
        "compare in/model.safetensors $URL", "estimate $URL", "get $URL -o in/got"}) {
    left = command == "estimate $URL" || command == "get $URL -o in/got" ? 0 : 1;
    const ::pid_t child = start("exec $BBZ " + command);
    for (int i = 0; i < 60'000 && left >= 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_LT(left, 0) << command;
    ::kill(child, SIGUSR1);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1) << command << " " << status;
    EXPECT_FALSE(exists("out")) << command;
    // A download keeps what it has, to resume.
    std::set<std::string> kept = strays();
    std::erase_if(kept, [](const auto& name) { return name.starts_with("in/got.part"); });
    EXPECT_EQ(kept, std::set<std::string>()) << command;
  }
}
#endif

class MountSignals : public MountTest {};

TEST_F(MountSignals, TakeTheMountAway) {
  write("model.safetensors", layered_model(2, 32));
  ASSERT_EQ(sh("$BBZ pack model.safetensors").code, 0);
  for (const int number : ending_signals()) {
    // After a defect nothing can be unmounted.
    if (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
        number == SIGABRT || number == SIGSYS || number == SIGTRAP) {
      continue;
    }
    serve("model.bbz");
    EXPECT_EXIT_CODE(0, "cmp m/model.safetensors model.safetensors");
    const bool is_end = number == SIGHUP || number == SIGINT || number == SIGTERM;
    EXPECT_EQ(end_serving(number), is_end ? 0 : 128 + number);
    EXPECT_FALSE(is_mounted()) << number;
  }
}

}  // namespace
}  // namespace bbz::tools
