// Transfer: one request at a time over a connection that is kept, with a body that is read like a
// file.
#pragma once

#include <memory>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/http/fields.h"
#include "bbz/http/internal/request.h"
#include "bbz/http/options.h"

namespace bbz::http {

// Sends a request and reads its response. Not thread-safe. Between calls, bytes are received only
// into the buffers of the system.
class Transfer {
 public:
  explicit Transfer(const Options& options);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sends a request and waits for the head of the response. Drops the rest of the response before.
  // Converts a date in Retry-After to seconds. Errors: kInvalidArgument if a header is not
  // well-formed; kUnsupported if libcurl is not available; kIo; kCancelled soon after `stop` is
  // set.
  Result<ResponseHead> start(const Request& request, const std::atomic<bool>& stop);

  // Reads the next bytes of the body and returns their number, which is 0 only at the end or if
  // `out` is empty. Errors: kIo if no byte arrives within `most`, or the body is shorter than its
  // Content-Length; kCancelled soon after `stop` is set.
  Result<std::size_t> read(MutableBytes out, const std::atomic<bool>& stop,
                           std::chrono::milliseconds most);

  // Returns whether a retry may succeed after the last error.
  bool is_transient() const;

  // Ends the response. The connection is kept only if the body was read to the end.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbz::http
