// What --help shows, made from a program's options and manuals; the man page shares the words.
#pragma once

#include <string>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bbz::tools {

class Program;

std::string help_page(const Program& program, const CLI::App& app);

// "-o, --output FILE"; the name of a positional argument.
std::string option_term(const CLI::Option& option);
// What an option does, with its default.
std::string option_meaning(const CLI::Option& option);
// "[OPTION]... INPUT"
std::string synopsis(const CLI::App& app);

}  // namespace bbz::tools
