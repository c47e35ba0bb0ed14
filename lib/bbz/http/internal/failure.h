// Failure: why an attempt to fetch failed, and what may help. Internal to bbz.
#pragma once

#include <chrono>

#include "bbz/http/remote_file.h"

namespace bbz::http {

struct RemoteFile::Failure {
  Error error;
  bool transient = false;
  std::chrono::milliseconds wait{0};  // what the server asks for
  bool at_once = false;               // another attempt needs no delay, and does not count
};

}  // namespace bbz::http
