// Program: a command-line tool with its commands, help, man page, errors and signals.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bbz/base/threads.h"
#include "common/exit_code.h"
#include "common/options.h"

namespace bbz::tools {

// The text of --help and the man page about a program or command, besides its options.
struct Manual {
  // A command line, and what it does.
  struct Example {
    std::string command;
    std::string meaning;
  };

  std::string summary;                   // one line
  std::vector<std::string> description;  // paragraphs
  std::vector<Example> examples;
};

// The options that every command has.
struct CommonOptions {
  bool quiet = false;
  bool verbose = false;
  unsigned threads = kAllCores;
  std::string progress = "auto";  // or "json" or "none", for commands that show progress
};

// A program. Commands add themselves to it.
class Program {
 public:
  // Runs a command. An error is printed, and decides the exit code.
  using Run = std::function<Result<ExitCode>()>;

  // Makes a program without commands.
  Program(std::string name, Manual manual);
  ~Program();

  // Returns the options of a program that has no subcommands.
  Options& options() { return options_.front(); }
  // Returns the values of the common options, which are set by parsing.
  const CommonOptions& common() const { return common_; }
  // Returns the value of --progress, for the option itself.
  std::string& progress() { return common_.progress; }

  // Adds a subcommand and returns its options, to which the caller adds.
  Options& add_command(const std::string& name, Manual manual, Run run);
  // Sets what the program does if it has no subcommands.
  void set_run(Run run) { run_ = std::move(run); }

  // Parses the command line, runs the command and returns the exit code.
  int main(int argc, char** argv);

  // Returns the manual of the program or of a command.
  const Manual& manual(const CLI::App& app) const { return manuals_.at(&app); }

 private:
  void add_common_options(Options& options);
  void add_manual(CLI::App& app, Manual manual);
  // Prints what remains to be printed, and returns the exit code.
  int finish(ExitCode code) const;
  // Prints an error, and returns the exit code.
  int fail(const Error& error) const;

  std::unique_ptr<CLI::App> app_;
  std::deque<Options> options_;  // of the program, then of each command
  CommonOptions common_;
  std::map<const CLI::App*, Manual> manuals_;
  std::map<const CLI::App*, Run> runs_;
  Run run_;
};

// Returns the version of the tools, such as "1.0.0".
std::string version_of_tools();

// Returns the man page of a program, in the roff of man(7), made from its options and manuals.
std::string man_page(const Program& program, const CLI::App& app);

// Handles every signal that ends a process by default: the process still ends by it, but leaves no
// temporary files, nor directories made for them. Signals that the process was started to ignore
// stay ignored, except SIGPIPE.
void handle_signals();

// Returns the signals that handle_signals() handles and that come from outside, unlike those by
// which the system reports a defect of the process.
std::vector<int> handled_signals_from_outside();

}  // namespace bbz::tools
