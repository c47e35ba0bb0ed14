// A pseudo terminal for tests: what a program shows on it, and what it does when it goes away.
#pragma once

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "tools/shell.h"

namespace bbz::tools {

class Terminal {
 public:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) {
      throw std::runtime_error("no pseudo terminal can be had");
    }
  }
  ~Terminal() { vanish(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // The path of the side that programs use.
  std::string name() const { return ::ptsname(master_); }

  // Waits until something was shown. False if nothing is within `milliseconds`.
  bool shows_something(int milliseconds) {
    ::pollfd polled{master_, POLLIN, 0};
    return ::poll(&polled, 1, milliseconds) == 1 && (polled.revents & POLLIN) != 0;
  }

  // From now on, what programs write there fails.
  void vanish() {
    if (master_ >= 0) ::close(std::exchange(master_, -1));
  }

 private:
  int master_;
};

}  // namespace bbz::tools
