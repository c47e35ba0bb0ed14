#include "common/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "bbz/base/names.h"
#include "bbz/format/container/constants.h"
#include "bbz/symmetry/linalg/product.h"
#include "common/advice.h"
#include "common/help.h"
#include "common/say.h"

namespace bbz::tools {
namespace {

// Makes CLI11 print our own --help.
class HelpFormatter final : public CLI::FormatterBase {
 public:
  explicit HelpFormatter(const Program& program) : program_(program) {}
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    return help_page(program_, *app);
  }

 private:
  const Program& program_;
};

}  // namespace

Program::Program(std::string name, Manual manual)
    : app_(std::make_unique<CLI::App>("", std::move(name))) {
  options_.emplace_back(*app_);
  add_manual(*app_, std::move(manual));
  app_->set_help_flag("-h,--help", "Show this help")->group(kGeneralOptions);
  app_->set_version_flag("--version",
                         fmt::format("{} {} (archive format {}.{})", app_->get_name(), BBZ_VERSION,
                                     container::kMajor, container::kMinor),
                         "Show the version of the program and of the format")
      ->group(kGeneralOptions);
}

Program::~Program() = default;

std::string version_of_tools() {
  return BBZ_VERSION;
}

void Program::add_manual(CLI::App& app, Manual manual) {
  app.formatter(std::make_shared<HelpFormatter>(*this));
  manuals_.insert_or_assign(&app, std::move(manual));
}

void Program::add_common_options(Options& options) {
  options
      .add_flag("-q,--quiet", common_.quiet,
                "Leave out progress, summaries and notices, but not warnings and errors")
      ->group(kGeneralOptions);
  options.add_flag("-v,--verbose", common_.verbose, "Print more, with exact sizes")
      ->group(kGeneralOptions);
  options.add_option("-T,--threads", common_.threads, "Use this many threads; 0 uses all cores")
      ->group(kGeneralOptions)
      ->type_name("N")
      ->range(0, 1024)
      ->capture_default_str();
}

Options& Program::add_command(const std::string& name, Manual manual, Run run) {
  app_->require_subcommand(1);
  CLI::App& command = *app_->add_subcommand(name, "");
  command.set_help_flag("-h,--help", "Show this help")->group(kGeneralOptions);
  add_manual(command, std::move(manual));
  Options& options = options_.emplace_back(command);
  add_common_options(options);
  runs_[&command] = std::move(run);
  return options;
}

int Program::fail(const Error& error) const {
  (void)flush_output();
  say("{}: {}\n", app_->get_name(), advised(error));
  return static_cast<int>(exit_code(error.code));
}

int Program::finish(ExitCode code) const {
  const Status written = flush_output();
  return written.ok() ? static_cast<int>(code) : fail(written.error());
}

int Program::main(int argc, char** argv) try {
  occupy_standard_descriptors();
  handle_signals();
  if (run_) add_common_options(options());
  if (argc == 2 && std::string_view(argv[1]) == "--help-man") {
    put_text(man_page(*this, *app_));
    return finish(ExitCode::kSuccess);
  }
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    std::ostringstream text;
    app_->exit(request, text);
    put_text(text.str());
    return finish(ExitCode::kSuccess);
  } catch (const CLI::ParseError& error) {
    const auto is_named = [&](const auto& row) { return row.first->get_name() == argv[1]; };
    if (!runs_.empty() && argc > 1 && argv[1][0] != '-' && std::ranges::none_of(runs_, is_named)) {
      say("{0}: unknown command {1} (see {0} --help)\n", app_->get_name(), quoted(argv[1]));
      return static_cast<int>(ExitCode::kUsage);
    }
    const auto chosen = app_->get_subcommands();
    const std::string command =
        chosen.empty() ? app_->get_name() : app_->get_name() + " " + chosen.front()->get_name();
    say("{}: {} (see {} --help)\n", app_->get_name(), printable(error.what()), command);
    return static_cast<int>(ExitCode::kUsage);
  }
  linalg::set_threads(common_.threads);
  const auto chosen = app_->get_subcommands();
  const Result<ExitCode> result = chosen.empty() ? run_() : runs_.at(chosen.front())();
  return result.ok() ? finish(*result) : fail(result.error());
} catch (const std::bad_alloc&) {
  return fail({Code::kIo, "out of memory"});
} catch (const std::exception& error) {
  return fail({Code::kInternal, error.what()});
}

}  // namespace bbz::tools
