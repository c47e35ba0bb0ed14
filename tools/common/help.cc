#include "common/help.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "common/program.h"

namespace bbz::tools {
namespace {

constexpr std::size_t kWidth = 88;
constexpr std::size_t kColumn = 26;  // the column at which meanings begin

// Breaks text into lines of at most kWidth columns, each after `indent` spaces.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::string line;
  const auto flush = [&] {
    out += std::string(indent, ' ') + line + "\n";
    line.clear();
  };
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) flush();
    line += (line.empty() ? "" : " ") + word;
  }
  flush();
  return out;
}

// Returns a term, with its meaning beside or below it.
std::string row(const std::string& term, const std::string& meaning) {
  const std::string body = wrapped(meaning, kColumn);
  if (term.size() + 3 > kColumn) return "  " + term + "\n" + body;
  return fmt::format("  {:<{}}{}", term, kColumn - 2, body.substr(kColumn));
}

}  // namespace

std::vector<const CLI::Option*> shown_options(const CLI::App& app) {
  std::vector<const CLI::Option*> options = app.get_options();
  std::erase_if(options, [](const CLI::Option* option) { return option->get_group().empty(); });
  std::ranges::stable_sort(options, {}, [](const CLI::Option* option) {
    return option->get_positional() ? 0 : option->get_group() == kGeneralOptions ? 2 : 1;
  });
  return options;
}

std::string option_term(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true);
  std::string names;
  for (const std::string& name : option.get_snames()) names += ", -" + name;
  for (const std::string& name : option.get_lnames()) names += ", --" + name;
  if (option.get_items_expected_max() != 0) names += " " + option.get_type_name();
  return names.substr(2);
}

std::string option_meaning(const CLI::Option& option) {
  if (option.get_default_str().empty()) return option.get_description();
  return fmt::format("{} [{}]", option.get_description(), option.get_default_str());
}

std::string synopsis(const CLI::App& app) {
  std::string text = "[OPTION]...";
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = option->get_name(true);
    text += option->get_required() ? " " + name : " [" + name + "]";
    if (option->get_items_expected_max() > 1) text += "...";
  }
  return text;
}

std::string help_page(const Program& program, const CLI::App& app) {
  const Manual& manual = program.manual(app);
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::string name = app.get_name();
  if (app.get_parent() != nullptr) name = app.get_parent()->get_name() + " " + name;

  std::string page = wrapped(fmt::format("{} - {}", name, manual.summary), 0);
  page += fmt::format("\nUsage: {} {}\n", name, commands.empty() ? synopsis(app) : "COMMAND ...");
  if (!manual.examples.empty()) page += "\nExamples:\n";
  for (const Manual::Example& example : manual.examples) {
    page += "  " + example.command + "\n" + wrapped(example.meaning, 6);
  }
  for (const std::string& paragraph : manual.description) page += "\n" + wrapped(paragraph, 0);
  if (!commands.empty()) page += "\nCommands (each has a --help of its own):\n";
  for (const CLI::App* command : commands) {
    page += row(command->get_name(), program.manual(*command).summary);
  }
  page += "\nOptions:\n";
  for (const CLI::Option* option : shown_options(app)) {
    page += row(option_term(*option), option_meaning(*option));
  }
  if (app.get_option_no_throw("--cacert") != nullptr) {  // the command takes URLs
    page += "\nEnvironment:\n";
    for (const auto& [names, meaning] : kEnvironment) page += row(names, meaning);
  }
  page += "\nExit codes:\n";
  for (const ExitCodeMeaning& code : kExitCodes) {
    page += fmt::format("  {}  {}\n", code.code, code.meaning);
  }
  return page;
}

}  // namespace bbz::tools
