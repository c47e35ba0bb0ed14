// Lease: a connection for the time of one attempt, out of those that are kept. Internal to bbz.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "bbz/http/internal/transfer.h"

namespace bbz::http {

// Keeps connections that nobody uses. From many threads.
class Idle {
 public:
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

// Gives its connection back in the end. `idle` must outlive it.
class Lease {
 public:
  // Takes a connection that is kept, or makes one.
  Lease(Idle& idle, const Options& options) : idle_(idle), transfer_(idle.take()) {
    if (!transfer_) transfer_ = std::make_unique<Transfer>(options);
  }
  // Takes one with a response under way.
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
  std::unique_ptr<Transfer> release() { return std::move(transfer_); }

  // Reads a short response to its end, so that its connection can be kept, if it does not take long.
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
