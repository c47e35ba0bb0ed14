// Standard output and standard error that cannot be written, for every command: the exit code stays
// what it means, what is made is made whole, and nothing is left behind.
#include <sys/stat.h>

#include <csignal>
#include <map>
#include <thread>

#include "support/bytes.h"
#include "tools/every_command.h"
#include "tools/terminal.h"

namespace bbz::tools {
namespace {

class Unwritable : public EveryCommand {
 protected:
  std::vector<CommandLine> all() const {
    std::vector<CommandLine> rows = successes();
    for (const CommandLine& row : failures()) rows.push_back(row);
    return rows;
  }

  using Made = std::map<std::string, std::string>;

  // The bytes of out, or of the files below it.
  Made made() const {
    Made files;
    for (const std::string& name : dir_.entries()) {
      if (!name.starts_with("out") || std::filesystem::is_directory(dir_ / name)) continue;
      files[name] = read(name);
    }
    return files;
  }

  // Returns the output of a command if nothing is in its way. It is the same as long as its inputs are,
  // whose times some archives have.
  const Made& expected(const CommandLine& row) {
    const auto [place, is_new] = known_.try_emplace(row.command + row.input);
    if (is_new) {
      run(row);
      place->second = made();
    }
    return place->second;
  }

  // Runs every command with redirections.
  void expect_same(const std::string& redirections, bool printed) {
    for (const CommandLine& row : all()) {
      const Made& whole = expected(row);
      const Finished finished = run(row, redirections);
      const int code = row.prints && !printed ? 5 : row.code;
      EXPECT_EQ(finished.code, code) << row.with(redirections) << "\n" << finished.err;
      EXPECT_TRUE(made() == whole) << row.with(redirections);
      EXPECT_EQ(strays(), std::set<std::string>()) << row.with(redirections);
    }
  }

 private:
  std::map<std::string, Made> known_;
};

TEST_F(Unwritable, StandardErrorIsClosed) {
  expect_same("2>&-", true);
}

TEST_F(Unwritable, StandardErrorIsFull) {
  expect_same("2>/dev/full", true);
}

TEST_F(Unwritable, StandardOutputIsClosed) {
  expect_same(">&-", false);
}

TEST_F(Unwritable, StandardOutputIsFull) {
  expect_same(">/dev/full", false);
}

TEST_F(Unwritable, BothAreClosed) {
  expect_same(">&- 2>&-", false);
}

TEST_F(Unwritable, TheReaderOfMessagesHasGone) {
  ASSERT_EQ(::mkfifo((dir_ / "in/fifo").c_str(), 0600), 0);
  note_inputs();
  expect_same("8<>in/fifo 9>in/fifo 8<&- 2>&9 9>&-", true);
}

TEST_F(Unwritable, ALongListingIsAnErrorOfOutputToo) {
  std::vector<safetensors::Tensor> tensors;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    tensors.push_back({"a/tensor/with/a/name/" + std::to_string(i), DType::kU8, {1}, i, i});
  }
  const auto header = safetensors::build(tensors, {}).value();
  write("many.safetensors",
        std::string(reinterpret_cast<const char*>(header.data()), header.size()) +
            std::string(tensors.size(), 'x'));
  ASSERT_EQ(sh("$BBZ pack many.safetensors").code, 0);
  for (const std::string options : {"--tensors", "--chunks", "--json --chunks"}) {
    for (const std::string redirection : {">/dev/full", ">&-", ">/dev/full 2>&-"}) {
      EXPECT_EXIT_CODE(5, "$BBZINFO " + options + " many.bbz " + redirection);
    }
    EXPECT_GT(sh("$BBZINFO " + options + " many.bbz").out.size(), 100'000u);
  }
}

TEST_F(Unwritable, TheTerminalHasGoneAtTheStart) {
  for (const CommandLine& row : all()) {
    const Made& whole = expected(row);
    Terminal terminal;
    // The shell has it open; what it starts then finds it dead.
    std::filesystem::remove_all(dir_ / "out");
    const std::string input = row.input.empty() ? "" : "< " + row.input + " ";
    const pid_t child = start("trap '' HUP; exec 8>" + terminal.name() +
                              "; echo x >&8; until test -e gone; do sleep 0.01; done; rm gone;" +
                              row.with(input + "2>&8"));
    ASSERT_TRUE(terminal.shows_something(60'000));
    terminal.vanish();
    write("gone", "");
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, row.code << 8) << row.command;
    EXPECT_TRUE(made() == whole) << row.command;
    EXPECT_EQ(strays(), std::set<std::string>()) << row.command;
  }
}

// Commands that show how far they have come, while their input is still coming.
TEST_F(Unwritable, TheTerminalGoesAwayUnderAProgressBar) {
  write("noise", noise_text(1 << 20, 3));
  ASSERT_EQ(sh("$BBZ pack -q noise --chunk-size 4K").code, 0);
  const std::string archive = read("noise.bbz");
  struct Row {
    std::string command;
    const std::string& input;
  };
  const std::string plain = read("noise");
  for (const Row& row :
       {Row{"$BBZ pack - -o out --chunk-size 4K", plain},
        Row{"$BBZ pack -v - -o out --chunk-size 4K", plain}, Row{"$BBZ unpack - -C out", archive},
        Row{"$BBZ unpack -v - -o out", archive}, Row{"$BBZ verify -v - > out", archive}}) {
    std::filesystem::remove_all(dir_ / "out");
    Terminal terminal;
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const std::string fd = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(ends[0]);
    const pid_t child =
        start("trap '' HUP; exec " + row.command + " < " + fd + " 2> " + terminal.name());
    std::size_t fed = 0;
    const auto feed = [&](std::size_t size) {
      const std::string piece = row.input.substr(fed, size);
      fed += piece.size();
      return ::write(ends[1], piece.data(), piece.size()) == static_cast<ssize_t>(piece.size());
    };
    bool shown = false;
    for (int i = 0; i < 200 && !shown; ++i) {
      ASSERT_TRUE(feed(4096));
      shown = terminal.shows_something(20);
    }
    EXPECT_TRUE(shown) << row.command;
    terminal.vanish();
    std::this_thread::sleep_for(std::chrono::milliseconds(120));  // so that it draws again
    ::close(ends[0]);
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    while (fed < row.input.size() && feed(4096)) {
    }
    ::close(ends[1]);
    std::signal(SIGPIPE, before);
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << row.command;
    EXPECT_TRUE(exists("out"));
    for (const std::string& name : dir_.entries()) {
      EXPECT_EQ(name.find(".bbz-"), std::string::npos) << row.command << " left " << name;
    }
  }
}

}  // namespace
}  // namespace bbz::tools
