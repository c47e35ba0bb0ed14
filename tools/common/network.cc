#include "common/network.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "bbz/base/format.h"
#include "bbz/http/source.h"
#include "bbz/http/url.h"

namespace bbz::tools {
namespace {

constexpr std::size_t kMostHeaderBytes = 64 * 1024;

// Adds a header. Errors do not show the line, which may hold a secret.
Status add_header(std::string line, std::vector<std::string>& headers) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (line.empty()) return {};
  if (!http::is_field(line)) {
    return make_error(Code::kInvalidArgument, "--header: expected 'Name: value' or @FILE");
  }
  headers.push_back(std::move(line));
  return {};
}

Status add_headers_of(const std::string& path, std::vector<std::string>& headers) {
  BBZ_ASSIGN(const auto source, io::open_file(path));
  std::string text(kMostHeaderBytes, '\0');
  BBZ_ASSIGN(const std::size_t size,
             io::read_up_to(*source, 0, std::as_writable_bytes(std::span(text))));
  text.resize(size);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    BBZ_TRY(add_header(line, headers));
  }
  return {};
}

}  // namespace

Result<http::Options> NetworkArguments::options() const {
  http::Options options;
  options.retries = retries;
  options.connections = connections;
  options.traffic = traffic;
  options.longest_wait = std::chrono::seconds(max_wait);
  options.stall_timeout = std::chrono::seconds(timeout);
  options.connect_timeout = std::min(options.connect_timeout, options.stall_timeout);
  options.private_redirects = !no_private_redirects;
  options.ca_file = ca_file;
  for (const char* const name : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* const value = std::getenv(name);
    if (options.ca_file.empty() && value != nullptr) options.ca_file = value;
  }
  // The file is opened for every connection, perhaps after a change of the current directory: a
  // mount makes one.
  if (!options.ca_file.empty()) {
    std::error_code failed;
    const auto path = std::filesystem::absolute(options.ca_file, failed);
    if (!failed) options.ca_file = path.string();
  }
  for (const std::string& header : headers) {
    BBZ_TRY(header.starts_with('@') ? add_headers_of(header.substr(1), options.headers)
                                    : add_header(header, options.headers));
  }
  return options;
}

void add_network_options(Options& options, NetworkArguments& arguments) {
  options
      .add_option("--header", arguments.headers,
                  "For a URL: send this header, such as 'Authorization: Bearer ...', "
                  "or those in @FILE, one a line; may be repeated. "
                  "Passwords are also looked up in ~/.netrc")
      ->type_name("HEADER")
      ->allow_extra_args(false);
  options
      .add_option("--cacert", arguments.ca_file,
                  "For an https URL: trust the authorities in FILE (PEM), not those of the system; "
                  "by default, FILE is that of CURL_CA_BUNDLE or SSL_CERT_FILE")
      ->type_name("FILE");
  options
      .add_option("--retries", arguments.retries,
                  "For a URL: retry a failed request at most this often in a row")
      ->type_name("N")
      ->range(0, 1000)
      ->capture_default_str();
  options
      .add_option("--timeout", arguments.timeout,
                  fmt::format("For a URL: wait at most this long for the head of a response, "
                              "and for a silent server; "
                              "over this time, a body must bring {} bytes a second on average",
                              http::Options{}.lowest_speed))
      ->type_name("SECONDS")
      ->range(1, 86400)
      ->capture_default_str();
  options
      .add_option("--max-wait", arguments.max_wait,
                  "For a URL: wait at most this long if the server asks for it (Retry-After)")
      ->type_name("SECONDS")
      ->range(0, 86400)
      ->capture_default_str();
  options.add_flag("--no-private-redirects", arguments.no_private_redirects,
                   "For a URL: refuse a redirect to another host or port, "
                   "if it has an address of this machine or of a private network");
}

Result<std::unique_ptr<io::Source>> open_source(const std::string& name,
                                                const NetworkArguments& network) {
  if (!http::is_url(name)) return io::open_file(name);
  BBZ_ASSIGN(const http::Options options, network.options());
  return http::open(name, options);
}

}  // namespace bbz::tools
