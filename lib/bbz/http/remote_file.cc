#include "bbz/http/remote_file.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/http/internal/backoff.h"
#include "bbz/http/internal/failure.h"
#include "bbz/http/url.h"

namespace bbz::http {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 256 * 1024;

Status check(const std::string& url, const Options& options) {
  if (!is_url(url)) {
    return make_error(Code::kInvalidArgument, "{}: expected an http or https URL",
                      quoted(shown_url(url)));
  }
  if (has_control(url) || (options.proxy && has_control(*options.proxy))) {
    return make_error(Code::kInvalidArgument, "{}: the URL or the proxy has a control character",
                      quoted(shown_url(url)));
  }
  if (!std::ranges::all_of(options.headers, is_field)) {  // not shown: it may contain a secret
    return make_error(Code::kInvalidArgument, "{}: a header is not of the form 'Name: value'",
                      shown_url(url));
  }
  return {};
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

struct RemoteFile::Fetch {
  Fetch(io::ByteRange r, const Take& t, const Options& options)
      : range(r), take(t), backoff(options), speed(options) {}

  io::ByteRange range;  // still to fetch
  const Take& take;
  Backoff backoff;
  SpeedCheck speed;  // since the last failure
  Links::Route route;
};

// The response to the first request, until its body is read.
struct RemoteFile::Opening {
  std::unique_ptr<Transfer> transfer;
  io::ByteRange found;
};

RemoteFile::RemoteFile(const std::string& url, const Options& options)
    : options_(options), name_(shown_url(url)), whole_pace_(options_), links_(url) {}
RemoteFile::~RemoteFile() = default;

Result<std::shared_ptr<RemoteFile>> RemoteFile::open(const std::string& url, const Options& options,
                                                     std::uint64_t front) {
  BBZ_TRY(check(url, options));
  std::shared_ptr<RemoteFile> file(new RemoteFile(url, options));
  const Take take;
  Fetch fetch({0, std::max<std::uint64_t>(front, 1)}, take, file->options_);
  BBZ_TRY(file->persist(fetch, [&](Fetch& f) { return file->begin(f); }));
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

Status RemoteFile::fetch(io::ByteRange range, const Take& take) {
  Fetch fetch(range, take, options_);
  return persist(fetch, [this](Fetch& f) { return attempt(f); });
}

Status RemoteFile::fetch_into(std::uint64_t offset, MutableBytes out) {
  return fetch({offset, out.size()}, [&](Bytes bytes) -> Status {
    std::ranges::copy(bytes, out.begin());
    out = out.subspan(bytes.size());
    return {};
  });
}

// Makes attempts until the whole range is fetched or another attempt would be useless.
Status RemoteFile::persist(Fetch& fetch, const Attempt& attempt) {
  unsigned tries = 0;
  while (fetch.range.size > 0) {
    ++tries;
    BBZ_TRY(wait_until({}));
    const std::optional<Failure> failure = attempt(fetch);
    if (!failure) continue;
    if (!failure->transient) return failure->error;
    if (failure->at_once) continue;
    if (failure->wait > options_.longest_wait) {
      return make_error(failure->error.code, "{} and asks to wait {} seconds (the limit is {})",
                        failure->error.message,
                        std::chrono::duration<double>(failure->wait).count(),
                        std::chrono::duration<double>(options_.longest_wait).count());
    }
    if (fetch.speed.kept_up()) fetch.backoff.succeeded();
    fetch.speed.begin_anew();
    const auto delay = fetch.backoff.next(failure->wait);
    if (!delay) {
      return make_error(failure->error.code, "{} (given up after {} requests)",
                        failure->error.message, tries);
    }
    fetch.speed.paused(*delay);
    const auto until = Clock::now() + *delay;
    if (failure->wait.count() > 0) {
      const std::lock_guard lock(mutex_);
      not_before_ = std::max(not_before_, until);
    }
    BBZ_TRY(wait_until(until));
  }
  return {};
}

// Waits until `time`, and until the time for which the server asked in any fetch.
Status RemoteFile::wait_until(std::chrono::steady_clock::time_point time) {
  std::unique_lock lock(mutex_);
  time = std::max(time, not_before_);
  changed_.wait_until(lock, time, [this] { return stop_.load(); });
  if (stop_) return make_error(Code::kCancelled, "{}: cancelled", name_);
  return {};
}

void RemoteFile::cancel() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

// Sends the first request, and keeps its response for attempt().
std::optional<RemoteFile::Failure> RemoteFile::begin(Fetch& fetch) {
  Lease transfer(idle_, options_);
  ResponseHead head;
  if (auto failure = ask(transfer, fetch, head)) return failure;
  fetch.range.size = 0;
  if (head.status == 200) {
    whole_ = transfer.release();
    whole_size_ = head.content_length;
  } else if (head.status == 206) {
    const auto content = parse_content_range(head.content_range);
    opening_.reset(new Opening{transfer.release(), *content->range});
  }
  return std::nullopt;
}

// Requests the range once, and moves its beginning past the bytes that arrived.
std::optional<RemoteFile::Failure> RemoteFile::attempt(Fetch& fetch) {
  if (fetch.range.offset == 0) {
    std::unique_lock lock(mutex_);
    if (const auto opening = std::move(opening_)) {
      lock.unlock();
      Lease transfer(idle_, std::move(opening->transfer));
      return read_body(transfer, opening->found, fetch);
    }
  }
  Lease transfer(idle_, options_);
  ResponseHead head;
  if (auto failure = ask(transfer, fetch, head)) return failure;
  if (head.status == 416) {  // an empty file
    fetch.range.size = 0;
    return std::nullopt;
  }
  return read_body(transfer, *parse_content_range(head.content_range)->range, fetch);
}

// Sends a request, and follows redirects until there is a head whose body can be used.
std::optional<RemoteFile::Failure> RemoteFile::ask(Lease& transfer, Fetch& fetch,
                                                   ResponseHead& head) {
  Links::Turn turn(links_, fetch.route, stop_);
  for (unsigned hops = 0;;) {
    Request request;
    request.url = turn.at();
    request.range = fetch.range;
    if (pinned_) request.if_range = identity_.if_range();
    if (!turn.is_away()) {
      request.headers = options_.headers;
      request.netrc = options_.netrc;
    }
    request.public_only = !options_.private_redirects && !same_origin(request.url, links_.url());
    const auto asked = Clock::now();
    auto started = transfer->start(request, stop_);
    fetch.speed.waited(Clock::now() - asked);
    if (!started.ok()) {
      if (turn.at_link() && transfer->is_transient()) turn.failed();
      return Failure{started.error(), transfer->is_transient()};
    }
    head = std::move(*started);
    if (head.status != 200 && head.status != 206) transfer.drain(head, stop_);
    if (!is_redirect(head.status)) break;
    if (auto failure = redirect(head, ++hops, turn)) return failure;
  }
  if (auto failure = check_status(head, turn)) return failure;
  if (head.status == 206) {
    if (const auto found = check_range(head, fetch.range); !found.ok()) {
      return Failure{found.error()};
    }
    turn.works();
  }
  return std::nullopt;
}

// Reads the body of a response with the bytes `found`, up to the end of the fetched range.
std::optional<RemoteFile::Failure> RemoteFile::read_body(Lease& transfer, io::ByteRange found,
                                                         Fetch& fetch) {
  io::ByteRange& range = fetch.range;
  range.size = std::min(range.size, identity_.size - range.offset);
  std::uint64_t left = found.size;
  std::vector<std::byte> buffer(std::min<std::uint64_t>(left + 1, kReadBytes));
  while (true) {
    const auto asked = Clock::now();
    const Result<std::size_t> got = transfer->read(buffer, stop_, options_.stall_timeout);
    const std::string slow = fetch.speed.came(got.ok() ? *got : 0, Clock::now() - asked);
    if (!got.ok()) return Failure{got.error(), transfer->is_transient()};
    if (*got == 0) break;
    if (*got > left) return Failure{wrong("the response is longer than its Content-Range")};
    const std::uint64_t size = std::min<std::uint64_t>(*got, range.size);
    if (Status taken = fetch.take(Bytes(buffer).first(size)); !taken.ok()) {
      return Failure{std::move(taken).error()};
    }
    left -= *got;
    range.offset += size;
    range.size -= size;
    fetch.route = {};
    if (range.size == 0 && left > 0) return std::nullopt;
    if (!slow.empty() && range.size > 0) return Failure{wrong(slow), true};
  }
  if (left == 0) return std::nullopt;
  return Failure{
      wrong(fmt::format("the connection ended {} bytes before the end of the range", left)), true};
}

Result<std::size_t> RemoteFile::read_whole(MutableBytes out) {
  const auto asked = Clock::now();
  BBZ_ASSIGN(const std::size_t size, whole_->read(out, stop_, options_.stall_timeout));
  const std::string slow = whole_pace_.came(size, Clock::now() - asked);
  if (!slow.empty() && size != 0) return wrong(slow);
  return size;
}

}  // namespace bbz::http
