// RemoteFile: one version of a file on a server, with requests for ranges of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bbz/http/fields.h"
#include "bbz/http/internal/lease.h"
#include "bbz/http/internal/links.h"
#include "bbz/http/internal/speed_check.h"
#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

// Fetches ranges of one version of a file. The first response pins the version by its size, ETag
// and Last-Modified, and a later response of another version is an error. Thread-safe, except for
// read_whole(). Each fetch has its own connection, which is kept for the next.
//
// The URL may redirect to links that expire. If a link is refused (status 401, 403, 404, 410 and
// most others of 4xx) or fails without a byte, the fetch asks the URL for another link. A refusal
// of the URL itself is final, and so are Options::retries consecutive refusals of links that the
// URL has just given, or one before the version is pinned. The comment at open() in source.h says
// which redirects are followed.
//
// Errors of open() and resume(): kInvalidArgument if the URL is not one of http or https, if the
// URL or the proxy has a control character, or if a header is not of the form "Name: value". Errors
// of functions that send requests:
// - kNotFound for the statuses 404 and 410;
// - kIo if the network still fails after all retries, if access is refused, if the file has
//   changed, or if a response does not fit its request;
// - kUnsupported if libcurl cannot be loaded or is too old;
// - kCancelled after cancel().
// No message contains a header, or a user or query of a URL.
class RemoteFile {
 public:
  // Takes bytes when they arrive, in order. If it returns an error, the fetch ends with that error.
  using Take = std::function<Status(Bytes)>;

  // Requests the first `front` bytes, at least one, and pins the version. The first fetch from
  // offset 0 reads the body of that response; it may ask for fewer or more bytes.
  static Result<std::shared_ptr<RemoteFile>> open(const std::string& url, const Options& options,
                                                  std::uint64_t front);
  // Makes a file that is pinned to a version known from before. Sends no request, and assumes that
  // the server serves ranges.
  static Result<std::shared_ptr<RemoteFile>> resume(const std::string& url, const Options& options,
                                                    Identity identity);
  ~RemoteFile();
  RemoteFile(const RemoteFile&) = delete;
  RemoteFile& operator=(const RemoteFile&) = delete;

  // Returns the URL as messages show it.
  const std::string& name() const { return name_; }
  // Returns the size of the file in bytes, or nullopt if the server neither supports ranges nor gave
  // a Content-Length.
  std::optional<std::uint64_t> size() const;
  // Returns the pinned version. It is empty if ranges() is false.
  const Identity& identity() const { return identity_; }

  // Returns whether a request failed because the server has another version now.
  bool has_changed() const { return changed_version_; }

  // Returns whether the server serves ranges. If not, the response to the first request is the
  // whole file, which read_whole() returns, and fetch() must not be called.
  bool ranges() const { return whole_ == nullptr; }

  // Fetches a range. If a connection breaks, another request resumes at the first missing byte. An
  // error of `take` ends the fetch and the connection. Precondition: `range` lies within the file.
  Status fetch(io::ByteRange range, const Take& take);
  // Fetches the out.size() bytes at `offset`. Precondition: they lie within the file.
  Status fetch_into(std::uint64_t offset, MutableBytes out);

  // Reads the next bytes of the whole file into `out` and returns their number, which is 0 at the
  // end. One thread at a time may call it. Precondition: ranges() is false.
  Result<std::size_t> read_whole(MutableBytes out);

  // Makes all current and later requests fail with kCancelled.
  void cancel();

 private:
  struct Failure;
  struct Fetch;
  struct Opening;
  using Attempt = std::function<std::optional<Failure>(Fetch&)>;

  RemoteFile(const std::string& url, const Options& options);
  Status persist(Fetch& fetch, const Attempt& attempt);
  std::optional<Failure> begin(Fetch& fetch);
  std::optional<Failure> attempt(Fetch& fetch);
  std::optional<Failure> ask(Lease& transfer, Fetch& fetch, ResponseHead& head);
  std::optional<Failure> read_body(Lease& transfer, io::ByteRange found, Fetch& fetch);
  std::optional<Failure> redirect(const ResponseHead& head, unsigned hops, Links::Turn& turn) const;
  std::optional<Failure> check_status(const ResponseHead& head, Links::Turn& turn);
  std::optional<Failure> check_whole(const ResponseHead& head, Links::Turn& turn);
  Failure refused(const ResponseHead& head, Links::Turn& turn) const;
  Result<io::ByteRange> check_range(const ResponseHead& head, io::ByteRange range);
  Status pin(Identity found);
  Error wrong(std::string_view what) const;
  Status wait_until(std::chrono::steady_clock::time_point time);

  const Options options_;
  const std::string name_;
  Identity identity_;
  bool pinned_ = false;
  std::unique_ptr<Transfer> whole_;
  std::optional<std::uint64_t> whole_size_;
  SpeedCheck whole_pace_;

  Links links_;
  Idle idle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<Opening> opening_;
  // The server asked for no requests before this time.
  std::chrono::steady_clock::time_point not_before_{};
  std::atomic<bool> stop_{false};
  std::atomic<bool> changed_version_{false};
};

}  // namespace bbz::http
