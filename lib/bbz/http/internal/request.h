// Request: the contents of an HTTP request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

// A GET request.
struct Request {
  std::string url;
  std::vector<std::string> headers;
  std::optional<io::ByteRange> range;  // not empty; without it, the whole file
  std::string if_range;                // an entity tag, a date, or empty
  bool netrc = false;                  // send the user and password that ~/.netrc has for the host
  bool public_only = false;            // connect only to addresses for which kind_of_local() is ""
};

// Returns the header lines that bbz adds to those that libcurl makes. Errors: kInvalidArgument if a
// header or if_range is not well-formed, because a line end in it would begin another header.
Result<std::vector<std::string>> lines_of(const Request& request);

// Returns the URL of the proxy that libcurl uses for a URL, or an empty string if there is none.
// Ignores no_proxy.
std::string proxy_of(const Options& options, std::string_view url);

}  // namespace bbz::http
