// Request: what is asked for, and what may be said in it. Internal to bbz.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bbz/base/error.h"
#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

struct Request {
  std::string url;
  std::vector<std::string> headers;
  std::optional<io::ByteRange> range;  // not empty
  std::string if_range;                // an entity tag or a date, or empty
  bool netrc = false;                  // sends what ~/.netrc has for the host of the URL
  bool public_only = false;            // connects to no address that kind_of_local() knows
};

// Returns the lines that a request has beside those that libcurl makes of its URL and of numbers. A
// line end in one of them would begin a line of somebody else's. Errors: kInvalidArgument.
Result<std::vector<std::string>> lines_of(const Request& request);

// Returns the URL of the proxy that libcurl takes for a URL; empty: none. Whom no_proxy excepts is
// not looked at.
std::string proxy_of(const Options& options, std::string_view url);

}  // namespace bbz::http
