// RemoteFile: one version of a file on a server, of which any range is fetched.
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
#include "bbz/http/internal/pace.h"
#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

// Pinned to the version that the first response showed, by size, ETag and Last-Modified: whatever
// comes later is of that version or an error. Methods may be called from many threads; each fetch
// has a connection of its own, which is kept for the next.
//
// The URL may redirect to links that expire. A link that is refused (401, 403, 404, 410 and most
// other statuses of 4xx) or fails without a byte sends the fetch back to the URL for another. A
// refusal of the URL itself is final, and so are Options::retries refusals of links that the URL
// had just given, without a byte in between.
//
// Which redirects are followed is said at open() of source.h.
//
// Errors of making one: kInvalidArgument for another URL than of http or https, and for a header
// that is none. Errors of all that reaches out: kNotFound for the statuses 404 and 410; otherwise
// kIo, for a network that failed after all retries, a refusal, a file that changed, and responses
// that are not what was asked for; kCancelled after cancel(). No message contains a header, or a
// user or query of a URL.
class RemoteFile {
 public:
  // Takes bytes as they arrive, in order; an error of it ends the fetch and is its result.
  using Take = std::function<Status(Bytes)>;

  // Asks for the first `front` bytes (at least one) and pins the version that they are of. Their
  // body is read by the first fetch from offset 0 on, which may ask for fewer or more.
  static Result<std::shared_ptr<RemoteFile>> open(const std::string& url, const Options& options,
                                                  std::uint64_t front);
  // Makes one without a request: whatever comes must be of the version that was pinned before. The
  // server is taken to serve ranges.
  static Result<std::shared_ptr<RemoteFile>> resume(const std::string& url, const Options& options,
                                                    Identity identity);
  ~RemoteFile();
  RemoteFile(const RemoteFile&) = delete;
  RemoteFile& operator=(const RemoteFile&) = delete;

  // The URL as messages show it.
  const std::string& name() const { return name_; }
  // Of the whole file. Without ranges: as far as the response said.
  std::optional<std::uint64_t> size() const;
  const Identity& identity() const { return identity_; }

  // Whether an error was that the file is of another version now.
  bool has_changed() const { return changed_version_; }

  // Whether ranges are served. Where they are not, the file is coming whole, as the answer to the
  // first request: read_whole() gives it, and fetch() must not be called.
  bool ranges() const { return whole_ == nullptr; }

  // Fetches a range in one request, or more if connections break: each resumes where the one before
  // ended. An error of `take` ends the fetch and the connection. Precondition: `range` lies in the
  // file.
  Status fetch(io::ByteRange range, const Take& take);
  // Fetches into memory of that size.
  Status fetch_into(std::uint64_t offset, MutableBytes out);

  // The next bytes of the file that comes whole; 0 at its end. One thread at a time.
  Result<std::size_t> read_whole(MutableBytes out);

  // Ends every fetch under way, and those to come, with kCancelled.
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
  Pace whole_pace_;

  Links links_;
  Idle idle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<Opening> opening_;
  std::chrono::steady_clock::time_point not_before_{};  // a request: the server asked for that
  std::atomic<bool> stop_{false};
  std::atomic<bool> changed_version_{false};
};

}  // namespace bbz::http
