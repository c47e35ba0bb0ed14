#include "bbz/http/remote_file.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/backoff.h"
#include "bbz/http/transfer.h"
#include "bbz/http/url.h"

namespace bbz::http {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::uint64_t kShortBody = 64 * 1024;  // read to the end, to keep the connection

Status check(const std::string& url, const Options& options) {
  if (!is_url(url)) {
    return make_error(Code::kInvalidArgument, "{}: expected a URL of http or https",
                      quoted(shown_url(url)));
  }
  if (!std::ranges::all_of(options.headers, is_field)) {  // which may hold a secret
    return make_error(Code::kInvalidArgument, "{}: a header is not of the form 'Name: value'",
                      shown_url(url));
  }
  return {};
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

// Why an attempt failed, and what may help.
struct RemoteFile::Failure {
  Error error;
  bool transient = false;
  std::chrono::milliseconds wait{0};  // what the server asks for
};

// A connection for the time of one attempt.
class RemoteFile::Lease {
 public:
  explicit Lease(RemoteFile& file) : file_(file) {
    const std::lock_guard lock(file.mutex_);
    if (!file.idle_.empty()) {
      transfer_ = std::move(file.idle_.back());
      file.idle_.pop_back();
    }
    if (!transfer_) transfer_ = std::make_unique<Transfer>(file.options_);
  }
  ~Lease() {
    if (!transfer_) return;
    transfer_->finish();
    const std::lock_guard lock(file_.mutex_);
    file_.idle_.push_back(std::move(transfer_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Transfer* operator->() { return transfer_.get(); }
  std::unique_ptr<Transfer> release() { return std::move(transfer_); }

  // Reads what is left of a response that says nothing more.
  void drain(const ResponseHead& head) {
    if (!head.content_length || *head.content_length > kShortBody) return;
    std::vector<std::byte> unused(kShortBody);
    while (true) {
      const auto read = transfer_->read(unused, file_.stop_);
      if (!read.ok() || *read == 0) return;
    }
  }

 private:
  RemoteFile& file_;
  std::unique_ptr<Transfer> transfer_;
};

RemoteFile::RemoteFile(const std::string& url, const Options& options)
    : options_(options), url_(url), name_(shown_url(url)), location_(url) {}
RemoteFile::~RemoteFile() = default;

Result<std::shared_ptr<RemoteFile>> RemoteFile::open(const std::string& url, const Options& options,
                                                     std::uint64_t front, const Take& take) {
  BBZ_TRY(check(url, options));
  std::shared_ptr<RemoteFile> file(new RemoteFile(url, options));
  BBZ_TRY(file->fetch_pinned({0, std::max<std::uint64_t>(front, 1)}, take));
  return file;
}

Result<std::shared_ptr<RemoteFile>> RemoteFile::resume(const std::string& url,
                                                       const Options& options, Identity identity) {
  BBZ_TRY(check(url, options));
  std::shared_ptr<RemoteFile> file(new RemoteFile(url, options));
  file->identity_ = std::move(identity);
  file->pinned_ = true;
  return file;
}

std::optional<std::uint64_t> RemoteFile::size() const {
  return ranges() ? std::optional(identity_.size) : whole_size_;
}

Error RemoteFile::wrong(std::string_view what) const {
  return make_error(Code::kIo, "{}: {}", name_, what);
}

std::string RemoteFile::location() const {
  const std::lock_guard lock(mutex_);
  return location_;
}

Status RemoteFile::fetch(io::ByteRange range, const Take& take) {
  return fetch_pinned(range, take);
}

Status RemoteFile::fetch_into(std::uint64_t offset, MutableBytes out) {
  return fetch_pinned({offset, out.size()}, [&](Bytes bytes) -> Status {
    std::ranges::copy(bytes, out.begin());
    out = out.subspan(bytes.size());
    return {};
  });
}

Status RemoteFile::fetch_pinned(io::ByteRange range, const Take& take) {
  Backoff backoff(options_);
  unsigned tries = 0;
  while (range.size > 0) {
    ++tries;
    const std::optional<Failure> failure = attempt(range, take, backoff);
    if (!failure) continue;
    if (!failure->transient) return failure->error;
    const auto delay = backoff.next(failure->wait);
    if (!delay) {
      return make_error(failure->error.code, "{} (given up after {} requests)",
                        failure->error.message, tries);
    }
    BBZ_TRY(wait(*delay));
  }
  return {};
}

Status RemoteFile::wait(std::chrono::milliseconds delay) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, delay, [this] { return stop_.load(); });
  if (stop_) return make_error(Code::kCancelled, "{}: stopped", name_);
  return {};
}

void RemoteFile::cancel() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

// Asks for `range` once, and moves its beginning past what came.
std::optional<RemoteFile::Failure> RemoteFile::attempt(io::ByteRange& range, const Take& take,
                                                       Backoff& backoff) {
  Lease transfer(*this);
  ResponseHead head;
  unsigned hops = 0;
  do {
    Request request;
    request.url = location();
    request.range = range;
    if (pinned_) request.if_range = identity_.if_range();
    if (same_origin(request.url, url_)) request.headers = options_.headers;
    auto started = transfer->start(request, stop_);
    if (!started.ok()) return Failure{started.error(), transfer->is_transient()};
    head = std::move(*started);
    if (head.status != 200 && head.status != 206) transfer.drain(head);
    if (!is_redirect(head.status)) break;
    if (auto failure = redirect(head, hops)) return failure;
  } while (true);

  if (auto failure = check_status(head, hops)) return failure;
  if (head.status == 200) {  // only before a version is pinned: no ranges here
    whole_ = transfer.release();
    whole_size_ = head.content_length;
    range.size = 0;
    return std::nullopt;
  }
  if (head.status == 416) {  // an empty file
    range.size = 0;
    return std::nullopt;
  }
  const Result<io::ByteRange> found = check_range(head, range);
  if (!found.ok()) return Failure{found.error()};
  range.size = std::min(range.size, identity_.size - range.offset);
  std::uint64_t left = found->size;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(left + 1, kReadBytes));
  while (true) {
    const Result<std::size_t> got = transfer->read(buffer, stop_);
    if (!got.ok()) return Failure{got.error(), transfer->is_transient()};
    if (*got == 0) break;
    if (*got > left) return Failure{wrong("the response is longer than its Content-Range says")};
    if (Status taken = take(Bytes(buffer).first(*got)); !taken.ok()) {
      return Failure{std::move(taken).error()};
    }
    left -= *got;
    range.offset += *got;
    range.size -= *got;
    backoff.succeeded();
  }
  if (left == 0) return std::nullopt;
  return Failure{wrong(fmt::format("the connection ended {} bytes before the range did", left)),
                 true};
}

// Follows a redirect, where it may be followed.
std::optional<RemoteFile::Failure> RemoteFile::redirect(const ResponseHead& head, unsigned& hops) {
  if (++hops > options_.redirects) {
    return Failure{wrong(fmt::format("more than {} redirects", options_.redirects))};
  }
  if (!is_url(head.location)) {
    return Failure{wrong(fmt::format("status {} leads to no http or https URL", head.status))};
  }
  const std::lock_guard lock(mutex_);
  if (shown_url(location_).starts_with("https:") && shown_url(head.location).starts_with("http:")) {
    return Failure{wrong(
        fmt::format("the redirect to {} would leave https", quoted(shown_url(head.location))))};
  }
  location_ = with_user_of(url_, head.location);
  return std::nullopt;
}

// Whether the response is one of those that attempt() goes on with.
std::optional<RemoteFile::Failure> RemoteFile::check_status(const ResponseHead& head,
                                                            unsigned& hops) {
  switch (head.status) {
    case 206:
      return std::nullopt;
    case 200: {
      if (!pinned_) return std::nullopt;
      const Identity found{head.etag, head.last_modified,
                           head.content_length.value_or(identity_.size)};
      if (Status same = pin(found); !same.ok()) return Failure{std::move(same).error()};
      return Failure{wrong("the server does not serve ranges any more")};
    }
    case 416: {
      const auto content = parse_content_range(head.content_range);
      if (!content || !content->total) break;
      if (Status same = pin({head.etag, head.last_modified, *content->total}); !same.ok()) {
        return Failure{std::move(same).error()};
      }
      if (*content->total == 0) return std::nullopt;
      break;
    }
    case 401:
    case 403:
    case 404:
    case 410: {
      // A redirect may lead to a place that is good for some time only: ask for it anew, once.
      const std::lock_guard lock(mutex_);
      if (hops == 0 && location_ != url_) {
        location_ = url_;
        return Failure{wrong(fmt::format("status {} where it redirected to", head.status)), true};
      }
      if (head.status == 401) return Failure{wrong("the server asks for credentials (status 401)")};
      if (head.status == 403) return Failure{wrong("the server refuses access (status 403)")};
      return Failure{make_error(Code::kNotFound, "{}: not found (status {})", name_, head.status)};
    }
    case 407:
      return Failure{wrong("the proxy asks for credentials (status 407)")};
    default:
      break;
  }
  return Failure{wrong(fmt::format("the server answers with status {}", head.status)),
                 is_transient_status(head.status),
                 retry_after(head).value_or(std::chrono::seconds(0))};
}

// Checks that a response of status 206 holds the beginning of `range`, of the pinned version.
Result<io::ByteRange> RemoteFile::check_range(const ResponseHead& head, io::ByteRange range) {
  if (!head.content_encoding.empty() && head.content_encoding != "identity") {
    return wrong(fmt::format("the response is coded as {}", quoted(head.content_encoding)));
  }
  const auto content = parse_content_range(head.content_range);
  if (!content || !content->range) {
    return wrong(
        fmt::format("expected a Content-Range of one range, found {}", quoted(head.content_range)));
  }
  if (!pinned_ && !content->total) return wrong("the server does not say how large the file is");
  BBZ_TRY(pin({head.etag, head.last_modified, content->total.value_or(identity_.size)}));
  const io::ByteRange found = *content->range;
  const std::uint64_t end = std::min(range.end(), identity_.size);
  if (found.offset != range.offset || found.end() > end) {
    return wrong(fmt::format("asked for bytes {}-{}, the server gives {}-{}", range.offset, end - 1,
                             found.offset, found.end() - 1));
  }
  if (head.content_length && *head.content_length != found.size) {
    return wrong(fmt::format("Content-Length {} with a Content-Range of {} bytes",
                             *head.content_length, found.size));
  }
  return found;
}

// Takes the first version that is found as the one, and refuses any other.
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

Result<std::size_t> RemoteFile::read_whole(MutableBytes out) {
  return whole_->read(out, stop_);
}

}  // namespace bbz::http
