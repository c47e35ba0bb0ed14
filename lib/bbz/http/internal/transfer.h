// Transfer: one request at a time over a connection that is kept, its response read like a file.
// Internal to bbz.
#pragma once

#include <memory>
#include <vector>

#include "bbz/base/checked.h"
#include "bbz/http/fields.h"
#include "bbz/http/internal/request.h"
#include "bbz/http/options.h"

namespace bbz::http {

// For one thread at a time. Nothing is fetched between the calls, except what the system's buffers
// take.
class Transfer {
 public:
  explicit Transfer(const Options& options);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sends a request and waits for the head of the response, in which a date of Retry-After is made
  // seconds. What was left of the response before is dropped. `stop` is looked at while waiting.
  // Errors: kInvalidArgument for a field that would not be one line; kIo; kCancelled after `stop`.
  Result<ResponseHead> start(const Request& request, const std::atomic<bool>& stop);

  // Reads the body on: some bytes, or 0 at its end. Errors: as start(); kIo if the body ends before
  // the length that its head announced, and if nothing comes for `most`.
  Result<std::size_t> read(MutableBytes out, const std::atomic<bool>& stop,
                           std::chrono::milliseconds most);

  // Whether the last error may be gone when the same is tried again.
  bool is_transient() const;

  // Ends the response. Its connection is kept only where the body was read to the end.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bbz::http
