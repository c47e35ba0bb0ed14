#include "bbz/mount_metrics.h"

#include <signal.h>

#include <chrono>
#include <ctime>
#include <new>

#include "common/advice.h"
#include "common/say.h"

namespace bbz::tools {
namespace {

constexpr std::chrono::seconds kInterval{10};

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

}  // namespace

void MountMetrics::begin(std::function<MountCounters()> counters) {
  if (!record_.has_metrics()) return;
  counters_ = std::move(counters);
  began_ = static_cast<double>(std::time(nullptr));
  // Signals that end the mount must reach the thread that serves it.
  ::sigset_t all;
  ::sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void MountMetrics::end() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ending_.notify_one();
  thread_.join();
  write(false);
}

void MountMetrics::run() {
  std::unique_lock lock(mutex_);
  do {
    try {
      write(true);
    } catch (const std::bad_alloc&) {  // the next time may have memory for it
    }
  } while (!ending_.wait_for(lock, kInterval, [this] { return ended_; }));
}

void MountMetrics::write(bool up) {
  const MountCounters counters = counters_();
  const view::Counters& view = counters.view;
  std::vector<Metric> metrics = {
      {"bbz_mount_up", {}, up ? 1.0 : 0.0},
      {"bbz_mount_start_timestamp_seconds", {}, began_},
      {"bbz_mount_read_bytes_total", {}, number(counters.read_bytes)},
      {"bbz_mount_read_errors_total", {}, number(counters.read_errors)},
      {"bbz_mount_decoded_bytes_total", {}, number(view.bytes_decoded)},
      {"bbz_mount_cache_bytes", {}, number(view.bytes_kept)},
  };
  const std::uint64_t decoded = view.blocks_asked - view.blocks_found - view.blocks_waited;
  for (const auto& [result, count] : {std::pair("cached", view.blocks_found),
                                      {"waited", view.blocks_waited},
                                      {"decoded", decoded}}) {
    metrics.push_back({"bbz_mount_chunk_requests_total", {{"result", result}}, number(count)});
  }
  if (traffic_ != nullptr) {
    metrics.push_back({"bbz_mount_http_requests_total", {}, number(traffic_->requests)});
    metrics.push_back({"bbz_mount_http_received_bytes_total", {}, number(traffic_->bytes)});
  }
  record_.figures().more = std::move(metrics);
  const Status written = record_.write_running();
  // The first failure is told, and later writes are tried all the same.
  if (written.ok() || std::exchange(complained_, true)) return;
  say("bbz: {}\n", advised(written.error()));
}

}  // namespace bbz::tools
