// Reads archives behind URLs, as the user says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/http/options.h"
#include "bbz/io/source.h"
#include "common/options.h"

namespace bbz::tools {

// The values of the options for URLs.
struct NetworkArguments {
  std::vector<std::string> headers;  // "Name: value", or "@FILE" for a file with one a line
  std::string ca_file;               // empty: as the environment says
  unsigned retries = http::Options{}.retries;
  unsigned timeout = 60;    // seconds
  unsigned max_wait = 300;  // seconds
  bool no_private_redirects = false;
  // The number of connections that prefetch. Set by commands; there is no option for it.
  unsigned connections = http::Options{}.connections;
  // Counts requests and bytes, if a command sets it.
  std::shared_ptr<http::Traffic> traffic;

  // Returns the options for the library. Certificates are looked up in the environment
  // (CURL_CA_BUNDLE, SSL_CERT_FILE), and so are proxies when a connection is made. Errors:
  // kInvalidArgument for a malformed header; those of reading FILE.
  Result<http::Options> options() const;
};

// Adds --header, --cacert, --retries, --timeout, --max-wait and --no-private-redirects.
void add_network_options(Options& options, NetworkArguments& arguments);

// Opens what the user names: an http or https URL, or what io::open_file() accepts.
Result<std::unique_ptr<io::Source>> open_source(const std::string& name,
                                                const NetworkArguments& network);

}  // namespace bbz::tools
