// Archives behind URLs: what the user may say about how they are read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/http/options.h"
#include "bbz/io/source.h"
#include "common/options.h"

namespace bbz::tools {

struct NetworkArguments {
  std::vector<std::string> headers;  // "Name: value", or "@FILE" with one a line
  std::string ca_file;               // empty: as the environment says
  unsigned retries = http::Options{}.retries;
  unsigned timeout = 60;    // seconds
  unsigned max_wait = 300;  // seconds
  bool no_private_redirects = false;
  // Of a command, not an option: how many fetch ahead.
  unsigned connections = http::Options{}.connections;

  // The environment is asked for authorities (CURL_CA_BUNDLE, SSL_CERT_FILE) and, when a
  // connection is made, for proxies. Errors: kInvalidArgument for what is no header; those of
  // reading FILE.
  Result<http::Options> options() const;
};

// --header, --cacert, --retries, --timeout, --max-wait, --no-private-redirects.
void add_network_options(Options& options, NetworkArguments& arguments);

// Opens what the user names: a URL of http or https, or what io::open_file takes.
Result<std::unique_ptr<io::Source>> open_source(const std::string& name,
                                                const NetworkArguments& network);

}  // namespace bbz::tools
