#include "bbz/http/internal/request.h"

#include <cstdlib>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/field_values.h"
#include "bbz/http/url.h"

namespace bbz::http {

Result<std::vector<std::string>> lines_of(const Request& request) {
  const std::string& version = request.if_range;
  if (!version.empty() && !is_etag(version) && !is_http_date(version)) {
    return make_error(Code::kInvalidArgument,
                      "{}: expected an entity tag or a date for If-Range, found {}",
                      shown_url(request.url), quoted(version));
  }
  std::vector<std::string> lines = request.headers;
  lines.emplace_back("Accept-Encoding: identity");
  if (!version.empty()) lines.push_back("If-Range: " + version);
  for (const std::string& line : lines) {  // not shown: it may contain a secret
    if (is_field(line)) continue;
    return make_error(Code::kInvalidArgument,
                      "{}: a header is not of the form 'Name: value' without control characters",
                      shown_url(request.url));
  }
  return lines;
}

std::string proxy_of(const Options& options, std::string_view url) {
  if (options.proxy) return *options.proxy;
  const bool secure = url.size() > 4 && (url[4] == 's' || url[4] == 'S');
  // HTTP_PROXY is ignored, because a web server sets it from a header "Proxy" for its programs.
  for (const char* const name : {secure ? "https_proxy" : "http_proxy",
                                 secure ? "HTTPS_PROXY" : "http_proxy", "all_proxy", "ALL_PROXY"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace bbz::http
