#include "bbz/http/fields.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/field_values.h"

namespace bbz::http {
namespace {

constexpr std::size_t kLongestField = 1024;  // of the fields below; longer values are cut
constexpr std::uint64_t kLongestWait = 10'000'000'000;  // seconds, far from any overflow

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool equal_names(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view value) {
  if (value.empty() || value.size() > 19) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view kUnit = "bytes";
  value = trimmed(value);
  if (value.size() <= kUnit.size() || !equal_names(value.substr(0, kUnit.size()), kUnit) ||
      value[kUnit.size()] != ' ') {
    return std::nullopt;
  }
  value = trimmed(value.substr(kUnit.size()));
  const std::size_t slash = value.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view range = value.substr(0, slash);
  const std::string_view total = value.substr(slash + 1);
  ContentRange content;
  if (total != "*") {
    content.total = parse_number(total);
    if (!content.total) return std::nullopt;
  }
  if (range == "*") return content.total ? std::optional(content) : std::nullopt;
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_number(range.substr(0, dash));
  const auto last = parse_number(range.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  if (content.total && *last >= *content.total) return std::nullopt;
  content.range = io::ByteRange{*first, *last - *first + 1};
  return content;
}

std::string Identity::if_range() const {
  if (!etag.empty() && !etag.starts_with("W/")) return etag;
  return last_modified;
}

std::optional<std::string> difference(const Identity& expected, const Identity& found) {
  if (found.size != expected.size) {
    return fmt::format("{} bytes, expected {}", found.size, expected.size);
  }
  const auto differ = [](const std::string& a, const std::string& b) {
    return !a.empty() && !b.empty() && a != b;
  };
  if (differ(found.etag, expected.etag)) {
    return fmt::format("ETag {}, expected {}", quoted(found.etag), quoted(expected.etag));
  }
  if (differ(found.last_modified, expected.last_modified)) {
    return fmt::format("last modified {}, expected {}", quoted(found.last_modified),
                       quoted(expected.last_modified));
  }
  return std::nullopt;
}

void ResponseHead::add_line(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) return;  // continues a field
  line = trimmed(line);
  if (line.starts_with("HTTP/")) {
    *this = {};
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    status = static_cast<int>(parse_number(line.substr(space + 1, 3)).value_or(0));
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view whole = trimmed(line.substr(colon + 1));
  // These two are sent back, so anything else under their names, which some servers send, is
  // dropped.
  if (equal_names(name, "etag")) etag = is_etag(whole) ? whole : "";
  if (equal_names(name, "last-modified")) last_modified = is_http_date(whole) ? whole : "";
  const std::string_view value = whole.substr(0, kLongestField);
  const struct {
    std::string_view name;
    std::string* to;
  } fields[] = {
      {"content-range", &content_range},
      {"content-type", &content_type},
      {"content-encoding", &content_encoding},
      {"retry-after", &this->retry_after},
  };
  for (const auto& field : fields) {
    if (equal_names(name, field.name)) *field.to = value;
  }
  if (equal_names(name, "content-length")) content_length = parse_number(value);
}

bool is_transient_status(int status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

std::optional<std::chrono::seconds> retry_after(const ResponseHead& head) {
  const auto seconds = parse_number(head.retry_after);
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(std::min(*seconds, kLongestWait));
}

}  // namespace bbz::http
