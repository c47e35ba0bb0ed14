// The checks of RemoteFile on the head of a response, before its body is read.
#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/internal/failure.h"
#include "bbz/http/remote_file.h"
#include "bbz/http/url.h"

namespace bbz::http {

// Follows a redirect if that is allowed.
std::optional<RemoteFile::Failure> RemoteFile::redirect(const ResponseHead& head, unsigned hops,
                                                        Links::Turn& turn) const {
  if (hops > options_.redirects) {
    return Failure{wrong(fmt::format("more than {} redirects", options_.redirects))};
  }
  if (!is_url(head.location)) {
    return Failure{
        wrong(fmt::format("the redirect (status {}) is not to an http or https URL", head.status))};
  }
  if (shown_url(turn.at()).starts_with("https:") && shown_url(head.location).starts_with("http:")) {
    return Failure{wrong(
        fmt::format("refused the redirect from https to {}", quoted(shown_url(head.location))))};
  }
  turn.follow(head.location);
  return std::nullopt;
}

// Returns nothing if ask() can use the response.
std::optional<RemoteFile::Failure> RemoteFile::check_status(const ResponseHead& head,
                                                            Links::Turn& turn) {
  switch (head.status) {
    case 206:
      return std::nullopt;
    case 200:
      return check_whole(head, turn);
    case 407:
      return Failure{wrong("the proxy asks for credentials (status 407)")};
    case 416: {
      const auto content = parse_content_range(head.content_range);
      if (!content || !content->total) break;
      if (Status same = pin({head.etag, head.last_modified, *content->total}); !same.ok()) {
        return Failure{std::move(same).error()};
      }
      if (*content->total == 0) return std::nullopt;
      break;
    }
    default:
      if (head.status >= 400 && head.status < 500 && !is_transient_status(head.status)) {
        return refused(head, turn);
      }
  }
  const bool transient = is_transient_status(head.status);
  if (turn.at_link() && transient) turn.failed();
  return Failure{wrong(fmt::format("the server answers with status {}", head.status)), transient,
                 retry_after(head).value_or(std::chrono::seconds(0))};
}

// Checks a response of status 200, which has the whole file. Only a first response may be one.
std::optional<RemoteFile::Failure> RemoteFile::check_whole(const ResponseHead& head,
                                                           Links::Turn& turn) {
  if (!head.content_encoding.empty() && head.content_encoding != "identity") {
    return Failure{
        wrong(fmt::format("the server sends the file with Content-Encoding {}, expected none",
                          quoted(head.content_encoding)))};
  }
  if (!pinned_) return std::nullopt;
  // Some servers send a page in HTML if a link has expired.
  if (head.content_type.starts_with("text/html")) return refused(head, turn);
  const Identity found{head.etag, head.last_modified, head.content_length.value_or(identity_.size)};
  if (Status same = pin(found); !same.ok()) return Failure{std::move(same).error()};
  return Failure{wrong("the server no longer supports ranges")};
}

// Returns the failure for a refusal. It is final if the URL itself was refused. A link that the URL
// gave may have expired.
RemoteFile::Failure RemoteFile::refused(const ResponseHead& head, Links::Turn& turn) const {
  const std::string where = turn.at_link() ? " at the redirected URL" : "";
  Failure failure{wrong(fmt::format("the server answers with status {}{}", head.status, where))};
  switch (head.status) {
    case 200:
      failure.error = wrong("the server sends an HTML page instead of the file");
      break;
    case 401:
      failure.error = wrong(fmt::format("the server asks for credentials{} (status 401)", where));
      break;
    case 403:
      failure.error = wrong(fmt::format("the server refuses access{} (status 403)", where));
      break;
    case 404:
    case 410:
      failure.error = make_error(Code::kNotFound, "{}: not found (status {})", name_, head.status);
      break;
    default:
      break;
  }
  if (!turn.at_link()) return failure;
  failure.at_once = turn.refused();
  failure.transient = failure.at_once || pinned_;  // before, no link has ever worked
  return failure;
}

// Checks that a response of status 206 has the beginning of `range`, of the pinned version. Returns
// the range that it has.
Result<io::ByteRange> RemoteFile::check_range(const ResponseHead& head, io::ByteRange range) {
  if (!head.content_encoding.empty() && head.content_encoding != "identity") {
    return wrong(fmt::format("the response has Content-Encoding {}, expected none",
                             quoted(head.content_encoding)));
  }
  const auto content = parse_content_range(head.content_range);
  if (!content || !content->range) {
    return wrong(
        fmt::format("expected a Content-Range of one range, found {}", quoted(head.content_range)));
  }
  if (!pinned_ && !content->total) return wrong("the server does not report the size of the file");
  BBZ_TRY(pin({head.etag, head.last_modified, content->total.value_or(identity_.size)}));
  const io::ByteRange found = *content->range;
  const std::uint64_t end = std::min(range.end(), identity_.size);
  if (found.offset != range.offset || found.end() > end) {
    return wrong(fmt::format("expected bytes {}-{}, the server sends {}-{}", range.offset, end - 1,
                             found.offset, found.end() - 1));
  }
  if (head.content_length && *head.content_length != found.size) {
    return wrong(fmt::format("a Content-Length of {}, expected the {} of the Content-Range",
                             *head.content_length, found.size));
  }
  return found;
}

// Pins the first version that is found, and refuses any other.
Status RemoteFile::pin(Identity found) {
  if (!pinned_) {
    identity_ = std::move(found);
    pinned_ = true;
    return {};
  }
  if (const auto change = difference(identity_, found)) {
    changed_version_ = true;
    return make_error(Code::kIo, "{}: the file has changed on the server: {}", name_, *change);
  }
  return {};
}

}  // namespace bbz::http
