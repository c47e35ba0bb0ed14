#include "bbz/http/url.h"

#include <algorithm>

namespace bbz::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

struct Parts {
  std::string scheme;     // in lower case
  std::string_view user;  // and password, with the '@' after them
  std::string authority;  // host and port, in lower case
  std::string_view path;  // from the first '/' on, without query and fragment
  bool has_query = false;
};

// Splits a URL, without its fragment. Precondition: is_url(url).
Parts split(std::string_view url) {
  Parts parts;
  const std::size_t colon = url.find(':');
  parts.scheme = lower(url.substr(0, colon));
  std::string_view rest = url.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t query = rest.find('?');
  parts.has_query = query != std::string_view::npos;
  rest = rest.substr(0, query);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  const std::size_t at = authority.rfind('@');
  parts.user = authority.substr(0, at == std::string_view::npos ? 0 : at + 1);
  parts.authority = lower(authority.substr(parts.user.size()));
  parts.path = rest.substr(slash);
  return parts;
}

// Returns whether nothing but a port follows the host.
bool ends_like_a_host(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.ends_with(']')) return true;
  return std::ranges::all_of(authority.substr(colon + 1),
                             [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_url(std::string_view name) {
  const std::string start = lower(name.substr(0, 8));
  return start.starts_with("http://") || start.starts_with("https://");
}

std::string shown_url(std::string_view url) {
  if (!is_url(url)) return std::string(url);
  const Parts parts = split(url);
  // An unescaped '/' or '?' in a password ends the authority too early.
  if (!ends_like_a_host(parts.authority)) return parts.scheme + "://...";
  return parts.scheme + "://" + parts.authority + std::string(parts.path) +
         (parts.has_query ? "?..." : "");
}

bool same_origin(std::string_view a, std::string_view b) {
  const auto origin = [](std::string_view url) {
    Parts parts = split(url);
    const std::string_view port = parts.scheme == "https" ? ":443" : ":80";
    if (parts.authority.ends_with(port)) {
      parts.authority.erase(parts.authority.size() - port.size());
    }
    return parts.scheme + "://" + parts.authority;
  };
  return origin(a) == origin(b);
}

std::string host_of(std::string_view url) {
  const std::string authority = split(url).authority;
  const std::size_t colon = authority.rfind(':');
  const bool within = authority.ends_with(']') || colon == std::string::npos;
  return within ? authority : authority.substr(0, colon);
}

std::string with_user_of(std::string_view from, std::string_view to) {
  std::string url(to);
  if (!same_origin(from, to) || !split(to).user.empty()) return url;
  return url.insert(url.find("://") + 3, split(from).user);
}

std::string file_name_of(std::string_view url) {
  if (!is_url(url)) return {};
  const std::string_view path = split(url).path;
  return std::string(path.substr(path.rfind('/') + 1));
}

bool has_control(std::string_view url) {
  if (std::ranges::any_of(url, [](char c) { return (c >= 0 && c < ' ') || c == 127; })) return true;
  if (!is_url(url)) return false;
  const std::string user = lower(split(url).user);
  for (std::size_t at = user.find('%'); at != std::string::npos; at = user.find('%', at + 1)) {
    const std::string code = user.substr(at + 1, 2);
    if (code.starts_with('0') || code.starts_with('1') || code == "7f") return true;
  }
  return false;
}

bool is_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  return std::ranges::none_of(line,
                              [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 127; });
}

}  // namespace bbz::http
