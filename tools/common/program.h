// Program: a command-line tool - its commands, help, man page, errors and signals.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/exit_code.h"
#include "common/options.h"

namespace bbz::tools {

// What --help and the man page tell of a program or command besides its options.
struct Manual {
  struct Example {
    std::string command;
    std::string meaning;
  };

  std::string summary;                   // one line
  std::vector<std::string> description;  // paragraphs
  std::vector<Example> examples;
};

// Options that every command has.
struct CommonOptions {
  bool quiet = false;
  bool verbose = false;
  unsigned threads = 0;
};

class Program {
 public:
  // What a command does when it is chosen; an error is printed, and decides the exit code.
  using Run = std::function<Result<ExitCode>()>;

  Program(std::string name, Manual manual);
  ~Program();

  // Returns the options of a program that has no subcommands.
  Options& options() { return options_.front(); }
  const CommonOptions& common() const { return common_; }

  // Adds a subcommand and returns its options, to which the caller adds.
  Options& add_command(const std::string& name, Manual manual, Run run);
  // What the program does when it has no subcommands.
  void set_run(Run run) { run_ = std::move(run); }

  // Parses, runs and returns the exit code.
  int main(int argc, char** argv);

  const Manual& manual(const CLI::App& app) const { return manuals_.at(&app); }

 private:
  void add_common_options(Options& options);
  void add_manual(CLI::App& app, Manual manual);
  // Return the exit code after the last words.
  int finish(ExitCode code) const;
  int fail(const Error& error) const;

  std::unique_ptr<CLI::App> app_;
  std::deque<Options> options_;  // of the program, then of each command
  CommonOptions common_;
  std::map<const CLI::App*, Manual> manuals_;
  std::map<const CLI::App*, Run> runs_;
  Run run_;
};

// The man page of a program, in the roff of man(7), made from its options and manuals.
std::string man_page(const Program& program, const CLI::App& app);

// Lets every signal that ends a process by default end this one so, without leaving temporary files
// or the folders made for them. Those that the process was started to ignore stay ignored, but for
// SIGPIPE.
void handle_signals();

// Returns the signals that handle_signals() handles and that come from outside: not those by which
// the system reports a defect of the process.
std::vector<int> handled_signals_from_outside();

}  // namespace bbz::tools
