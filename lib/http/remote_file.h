// RemoteFile: one version of a file on a server, of which any range is fetched.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bbz/http/fields.h"
#include "bbz/http/options.h"
#include "bbz/io/source.h"

namespace bbz::http {

class Transfer;
class Backoff;

// Pinned to the version that the first response showed, by size, ETag and Last-Modified: whatever
// comes later is of that version or an error. Methods may be called from many threads; each fetch
// has a connection of its own, which is kept for the next.
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

  // Asks for the first `front` bytes, hands those that there are to `take`, and pins the version
  // that they are of. Where the server serves no ranges nothing is taken: see ranges().
  static Result<std::shared_ptr<RemoteFile>> open(const std::string& url, const Options& options,
                                                  std::uint64_t front, const Take& take);
  // The same without a request: what comes must be of the version that was pinned before. The
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

  // Fetches a range in one request, or more where connections break: each goes on where the one
  // before ended. Precondition: `range` lies in the file.
  Status fetch(io::ByteRange range, const Take& take);
  // The same into memory of that size.
  Status fetch_into(std::uint64_t offset, MutableBytes out);

  // The next bytes of the file that comes whole; 0 at its end. One thread at a time.
  Result<std::size_t> read_whole(MutableBytes out);

  // Ends every fetch under way, and those to come, with kCancelled.
  void cancel();

 private:
  struct Failure;
  class Lease;

  RemoteFile(const std::string& url, const Options& options);
  Status fetch_pinned(io::ByteRange range, const Take& take);
  std::optional<Failure> attempt(io::ByteRange& range, const Take& take, Backoff& backoff);
  std::optional<Failure> check_status(const ResponseHead& head, unsigned& hops);
  std::optional<Failure> redirect(const ResponseHead& head, unsigned& hops);
  Result<io::ByteRange> check_range(const ResponseHead& head, io::ByteRange range);
  Status pin(Identity found);
  Error wrong(std::string_view what) const;
  std::string location() const;
  Status wait(std::chrono::milliseconds delay);

  const Options options_;
  const std::string url_;
  const std::string name_;
  Identity identity_;
  bool pinned_ = false;
  std::unique_ptr<Transfer> whole_;
  std::optional<std::uint64_t> whole_size_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string location_;  // where the URL redirects to
  std::vector<std::unique_ptr<Transfer>> idle_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> changed_version_{false};
};

}  // namespace bbz::http
