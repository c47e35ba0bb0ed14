#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "common/help.h"
#include "common/program.h"

namespace bbz::tools {
namespace {

// Escapes text, so that roff shows it literally.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'' || (c == '.' && (out.empty() || out.back() == '\n'))) {
      out += c == '\'' ? "\\(aq" : "\\&.";
    } else {
      out += c;
    }
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : shown_options(app)) {
    text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(option_term(*option)),
                        escaped(option_meaning(*option)));
  }
  return text;
}

std::string synopsis_of(const CLI::App& app, const std::string& name) {
  return fmt::format(".B {}\n{}\n", escaped(name), escaped(synopsis(app)));
}

std::string description_of(const Manual& manual) {
  std::string text;
  for (const std::string& paragraph : manual.description)
    text += ".PP\n" + escaped(paragraph) + "\n";
  return text;
}

std::string examples_of(const Manual& manual) {
  std::string text;
  for (const Manual::Example& example : manual.examples) {
    text +=
        fmt::format(".TP\n\\fB{}\\fR\n{}\n", escaped(example.command), escaped(example.meaning));
  }
  return text;
}

}  // namespace

std::string man_page(const Program& program, const CLI::App& app) {
  const std::string& name = app.get_name();
  const Manual& manual = program.manual(app);
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::string page = fmt::format(".TH {} 1 \"\" \"{} {}\"\n", upper(name), name, BBZ_VERSION);
  page += ".SH NAME\n" + escaped(name) + " \\- " + escaped(manual.summary) + "\n";
  page += ".SH SYNOPSIS\n";
  for (const CLI::App* command : commands) {
    page += synopsis_of(*command, name + " " + command->get_name()) + ".br\n";
  }
  if (commands.empty()) page += synopsis_of(app, name);
  page += ".SH DESCRIPTION\n" + description_of(manual);
  page += ".SH OPTIONS\n" + options_of(app);
  if (!commands.empty()) page += ".SH COMMANDS\n";
  for (const CLI::App* command : commands) {
    const Manual& about = program.manual(*command);
    page += fmt::format(".SS {} {}\n{}.\n", escaped(name), escaped(command->get_name()),
                        escaped(about.summary));
    page += description_of(about) + options_of(*command);
  }
  page += ".SH EXAMPLES\n" + examples_of(manual);
  for (const CLI::App* command : commands) page += examples_of(program.manual(*command));
  page += ".SH ENVIRONMENT\n";
  for (const auto& [names, meaning] : kEnvironment) {
    page += fmt::format(".TP\n{}\n{}\n", escaped(names), escaped(meaning));
  }
  page += ".SH EXIT STATUS\n";
  for (const ExitCodeMeaning& row : kExitCodes) {
    page += fmt::format(".TP\n{}\n{}\n", row.code, escaped(row.meaning));
  }
  page +=
      ".PP\nIf a signal ends the program, a shell sees 128 plus its number "
      "(130 for an interrupt).\n"
      "No unfinished output is left behind.\n";
  return page;
}

}  // namespace bbz::tools
