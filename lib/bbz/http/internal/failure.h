// Failure: the error of an attempt to fetch, and whether a retry may help.
#pragma once

#include <chrono>

#include "bbz/http/remote_file.h"

namespace bbz::http {

// The result of an attempt that failed.
struct RemoteFile::Failure {
  Error error;
  bool transient = false;             // a retry may succeed
  std::chrono::milliseconds wait{0};  // delay that the server asks for
  bool at_once = false;               // the next attempt needs no delay and is not a retry
};

}  // namespace bbz::http
