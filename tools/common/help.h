// Makes the text of --help from a program's options and manuals. The man page uses parts of it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/options.h"

namespace bbz::tools {

class Program;

// Returns what --help prints for a program or command.
std::string help_page(const Program& program, const CLI::App& app);

// The group of the options that every command has; they are shown last.
inline constexpr char kGeneralOptions[] = "General";

// Environment variables, and their meanings.
inline constexpr std::pair<const char*, const char*> kEnvironment[] = {
    {"http_proxy, https_proxy, all_proxy, no_proxy",
     "For URLs: the proxies to use and the hosts to reach without one, as in curl(1)."},
    {"CURL_CA_BUNDLE, SSL_CERT_FILE",
     "For https URLs: a file of certificate authorities (PEM) to trust instead of the system's; "
     "the first variable that is set counts."},
};

// Returns the options to show, in order: arguments, the command's own options, the general ones.
std::vector<const CLI::Option*> shown_options(const CLI::App& app);

// Returns "-o, --output FILE" for an option, and the name for a positional argument.
std::string option_term(const CLI::Option& option);
// Returns the help of an option, with its default.
std::string option_meaning(const CLI::Option& option);
// Returns "[OPTION]... INPUT".
std::string synopsis(const CLI::App& app);

}  // namespace bbz::tools
