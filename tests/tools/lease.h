// Lease: stops other processes at the moment when they open a file, so that a test can act then.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

namespace bbz::tools {

class Lease {
 public:
  // Nobody may have the file open. taken() is false if the file system has no leases.
  explicit Lease(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    ::signal(SIGIO, SIG_IGN);
    taken_ = fd_ >= 0 && ::fcntl(fd_, F_SETLEASE, F_WRLCK) == 0;
  }
  ~Lease() { release(); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  bool taken() const { return taken_; }

  // Waits until a process opens the file, which goes on when the lease is released. False if none
  // does for a long time.
  bool wait_for_open() const {
    for (int i = 0; i < 60'000; ++i) {
      if (::fcntl(fd_, F_GETLEASE) != F_WRLCK) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  }

  void release() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
  bool taken_ = false;
};

}  // namespace bbz::tools
