#include "bbz/access/download/identity.h"

#include <algorithm>

#include "bbz/http/field_values.h"
#include "bbz/http/url.h"

namespace bbz::download {
namespace {

constexpr std::size_t kLongestUrl = 32 * 1024;  // longer ones are not kept

}  // namespace

Origin origin_of(const std::string& url, const http::Identity& identity) {
  Origin origin;
  if (http::is_etag(identity.etag)) origin.etag = identity.etag;
  if (http::is_http_date(identity.last_modified)) origin.last_modified = identity.last_modified;
  const std::string shown = http::shown_url(url);
  if (!shown.ends_with("://...") && shown.size() <= kLongestUrl) origin.url = shown;
  return origin;
}

std::string encode_origin(const Origin& origin) {
  return origin.etag + "\n" + origin.last_modified + "\n" + origin.url;
}

std::optional<Origin> decode_origin(std::string_view identity) {
  if (std::ranges::count(identity, '\n') != 2) return std::nullopt;
  const std::size_t first = identity.find('\n');
  const std::size_t second = identity.rfind('\n');
  Origin origin;
  origin.etag = identity.substr(0, first);
  origin.last_modified = identity.substr(first + 1, second - first - 1);
  origin.url = identity.substr(second + 1);
  if (!origin.etag.empty() && !http::is_etag(origin.etag)) return std::nullopt;
  if (!origin.last_modified.empty() && !http::is_http_date(origin.last_modified)) {
    return std::nullopt;
  }
  if (!http::is_url(origin.url) || http::shown_url(origin.url) != origin.url) return std::nullopt;
  return origin;
}

}  // namespace bbz::download
