// MountMetrics: writes the metrics of a mount while it is served.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "bbz/fuse_mount.h"
#include "bbz/http/options.h"
#include "common/run_record.h"

namespace bbz::tools {

// Writes them on a thread of its own, every 10 seconds, and at the beginning and the end.
class MountMetrics {
 public:
  // Writes to `record`, which must outlive it. `traffic` counts HTTP requests, or is null. Starts no
  // thread yet.
  MountMetrics(RunRecord& record, std::shared_ptr<const http::Traffic> traffic)
      : record_(record), traffic_(std::move(traffic)) {}
  ~MountMetrics() { end(); }
  MountMetrics(const MountMetrics&) = delete;
  MountMetrics& operator=(const MountMetrics&) = delete;

  // Begins in the process that serves the mount, if metrics are wanted. `counters` may be called on any
  // thread until end().
  void begin(std::function<MountCounters()> counters);
  // Ends the thread, and writes that the mount has ended. Does nothing if it was not begun.
  void end();

 private:
  void run();
  void write(bool up);

  RunRecord& record_;
  std::shared_ptr<const http::Traffic> traffic_;
  std::function<MountCounters()> counters_;
  double began_ = 0;  // seconds since 1970
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;
  bool complained_ = false;
  std::thread thread_;
};

}  // namespace bbz::tools
