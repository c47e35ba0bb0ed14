// Prefetcher: prefetches ranges of a remote file with its own threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bbz/http/remote_file.h"

namespace bbz::http {

// Splits the ranges of prefetch hints into windows. A window is a run of ranges with small gaps,
// has at most Options::request_bytes, and is fetched with one request. It is released when as many
// bytes were read from it as its hint has. At most Options::ahead_bytes are in memory or being
// fetched, not counting windows that a reader waits for. Ranges beyond kMaxWindows windows are not
// prefetched, because a server-supplied file size must not determine the memory use. Thread-safe.
class Prefetcher {
 public:
  static constexpr std::size_t kMaxWindows = std::size_t{1} << 16;  // 512 GiB in windows of 8 MiB

  // Refers to both, which must outlive it.
  Prefetcher(RemoteFile& file, const Options& options) : file_(file), options_(options) {}
  // Cancels all requests of the file.
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Makes windows for the ranges, without bytes that windows have already. Returns the hint, or
  // null if there is no new window. Precondition: the ranges lie within the file.
  std::unique_ptr<io::Prefetch> prefetch(std::span<const io::ByteRange> ranges);

  // Reads some of the bytes at `offset` and returns their number. Waits if a window with them is
  // queued or being fetched. Returns 0 if no window has them, or if its hint was cancelled. Errors:
  // those of RemoteFile::fetch().
  Result<std::size_t> read(std::uint64_t offset, MutableBytes out);

 private:
  struct Window;
  class Hint;
  using WindowPtr = std::shared_ptr<Window>;

  std::vector<WindowPtr> make_windows(std::span<const io::ByteRange> ranges) const;
  WindowPtr find(std::uint64_t offset) const;
  io::ByteRange without_known(io::ByteRange range) const;
  WindowPtr next_to_fetch();
  void run();
  void fetch(Window& window);
  void forget(const WindowPtr& window);

  RemoteFile& file_;
  const Options& options_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::uint64_t, WindowPtr> windows_;  // by offset
  std::deque<WindowPtr> urgent_;                     // windows that a reader waits for
  std::deque<WindowPtr> queue_;                      // in the order of their hints
  std::uint64_t held_ = 0;                           // bytes of windows in memory or being fetched
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bbz::http
