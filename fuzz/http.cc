// Heads of responses, the URLs in them, and what goes into the next request because of them.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "bbz/http/field_values.h"
#include "bbz/http/fields.h"
#include "bbz/http/internal/address.h"
#include "bbz/http/internal/links.h"
#include "bbz/http/internal/request.h"
#include "bbz/http/url.h"
#include "heads_mutator.h"

using namespace bbz;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// What is shown has no user, no query and no fragment; of a URL whose authority does not end like a
// host it is the scheme alone.
void check_url(std::string_view url) {
  const std::string shown = http::shown_url(url);
  const std::string_view rest = std::string_view(shown).substr(shown.find("://") + 3);
  require(rest.substr(0, rest.find('/')).find('@') == std::string_view::npos);
  require(rest == "..." || http::same_origin(url, shown));
  (void)http::file_name_of(url);
  const std::string host = http::host_of(url);
  require(host.find('@') == std::string::npos && host.find('/') == std::string::npos);
  (void)http::kind_of_local(std::string_view(host));
}

// Follows a redirect as a fetch of `links` does that has been led to where `turn` is.
void check_redirect(const http::Links& links, http::Links::Turn& turn, const std::string& to) {
  const bool was_away = turn.is_away();
  turn.follow(to);
  require(turn.is_away() == (was_away || !http::same_origin(to, links.url())));
  require(!turn.is_away() || turn.at() == to);  // no user goes along
}

// What is sent after this head, with a version that it gave.
void check_head(const http::ResponseHead& head) {
  require(head.etag.empty() || http::is_etag(head.etag));
  require(head.last_modified.empty() || http::is_http_date(head.last_modified));
  const http::Identity identity{head.etag, head.last_modified, head.content_length.value_or(0)};
  require(!http::difference(identity, identity));
  http::Request request;
  request.url = "http://host/";
  request.if_range = identity.if_range();
  const auto lines = http::lines_of(request);
  require(lines.ok());
  for (const std::string& line : *lines) require(!http::has_control(line));
  const auto content = http::parse_content_range(head.content_range);
  require(!content || !content->range || content->range->size > 0);
  require(!content || !content->range || !content->total ||
          content->range->end() <= *content->total);
  const auto wait = http::retry_after(head);
  require(!wait || wait->count() >= 0);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string mutant = fuzz::HeadsMutator(seed).mutate(text);
  const std::size_t length = std::min(mutant.size(), most);
  std::memcpy(data, mutant.data(), length);
  return length;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::atomic<bool> stop{true};  // nobody waits
  http::Links links("http://user:pass@host/");
  http::Links::Route route;
  http::Links::Turn turn(links, route, stop);
  http::ResponseHead head;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    head.add_line(line);
    check_head(head);
    at = end + 1;
    if (!http::is_url(line)) continue;
    check_url(line);
    check_redirect(links, turn, std::string(line));
  }
  turn.works();
  return 0;
}
