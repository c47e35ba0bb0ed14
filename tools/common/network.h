// Archives behind URLs: what the user may say about how they are read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace CLI {
class App;
}

namespace bbz::tools {

struct NetworkArguments {
  std::vector<std::string> headers;  // "Name: value", or "@FILE" with one a line
  unsigned retries = http::Options{}.retries;
  unsigned timeout = 60;  // seconds
  // Of a command, not an option: how many fetch ahead.
  unsigned connections = http::Options{}.connections;

  // Errors: kInvalidArgument for what is no header; those of reading FILE.
  Result<http::Options> options() const;
};

// --header, --retries, --timeout.
void add_network_options(CLI::App& app, NetworkArguments& arguments);

// Opens what the user names: a URL of http or https, or what io::open_file takes.
Result<std::unique_ptr<io::Source>> open_source(const std::string& name,
                                                const NetworkArguments& network);

}  // namespace bbz::tools
