// Lease: a connection for one attempt, taken from those that are idle.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bbz/http/internal/transfer.h"

namespace bbz::http {

// Owns idle connections. Thread-safe.
class Idle {
 public:
  // Returns the connection that was given last, or null if there is none.
  std::unique_ptr<Transfer> take() {
    const std::lock_guard lock(mutex_);
    if (transfers_.empty()) return nullptr;
    std::unique_ptr<Transfer> transfer = std::move(transfers_.back());
    transfers_.pop_back();
    return transfer;
  }
  void give(std::unique_ptr<Transfer> transfer) {
    const std::lock_guard lock(mutex_);
    transfers_.push_back(std::move(transfer));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
};

// Holds a connection, which the destructor gives back. `idle` must outlive it.
class Lease {
 public:
  // Takes an idle connection, or makes one.
  Lease(Idle& idle, const Options& options) : idle_(idle), transfer_(idle.take()) {
    if (!transfer_) transfer_ = std::make_unique<Transfer>(options);
  }
  // Takes a connection whose response is not read yet.
  Lease(Idle& idle, std::unique_ptr<Transfer> transfer)
      : idle_(idle), transfer_(std::move(transfer)) {}
  ~Lease() {
    if (!transfer_) return;
    transfer_->finish();
    idle_.give(std::move(transfer_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Transfer* operator->() { return transfer_.get(); }
  // Gives the connection to the caller. The destructor then does nothing.
  std::unique_ptr<Transfer> release() { return std::move(transfer_); }

  // Reads the body of a response to its end, so that the connection can be kept, if it is short and
  // does not take long. Ignores errors.
  void drain(const ResponseHead& head, const std::atomic<bool>& stop) {
    constexpr std::uint64_t kShort = 64 * 1024;
    constexpr std::chrono::milliseconds kLong{1'000};
    if (!head.content_length || *head.content_length > kShort) return;
    std::vector<std::byte> unused(kShort);
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < end) {
      const auto read = transfer_->read(unused, stop, kLong);
      if (!read.ok() || *read == 0) return;
    }
  }

 private:
  Idle& idle_;
  std::unique_ptr<Transfer> transfer_;
};

}  // namespace bbz::http
