#include "bbz/http/internal/prefetcher.h"

#include <algorithm>
#include <atomic>
#include <optional>

namespace bbz::http {

struct Prefetcher::Window {
  enum class State { kQueued, kFetching, kDone };

  io::ByteRange range;
  std::uint64_t unread = 0;  // bytes of the hint that were not read yet

  State state = State::kQueued;
  std::unique_ptr<std::byte[]> bytes;  // from kFetching on
  std::uint64_t filled = 0;
  std::optional<Error> failure;
  std::atomic<bool> dropped{false};
};

class Prefetcher::Hint final : public io::Prefetch {
 public:
  Hint(Prefetcher& ahead, std::vector<WindowPtr> windows)
      : ahead_(ahead), windows_(std::move(windows)) {}
  ~Hint() override {
    const std::lock_guard lock(ahead_.mutex_);
    for (const WindowPtr& window : windows_) ahead_.forget(window);
    ahead_.changed_.notify_all();
  }

 private:
  Prefetcher& ahead_;
  std::vector<WindowPtr> windows_;
};

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  file_.cancel();
  for (std::thread& thread : threads_) thread.join();
}

std::vector<Prefetcher::WindowPtr> Prefetcher::make_windows(
    std::span<const io::ByteRange> ranges) const {
  const io::Nearness near{options_.merge_gap, options_.request_bytes};
  std::vector<WindowPtr> windows;
  for (io::ByteRange left : ranges) {
    while (left.size > 0) {
      std::uint64_t part = windows.empty() ? 0 : near.joinable(windows.back()->range, left);
      if (part == 0) {
        if (windows_.size() + windows.size() >= kMaxWindows) return windows;
        windows.push_back(std::make_shared<Window>());
        windows.back()->range = {left.offset, 0};
        part = std::min(left.size, options_.request_bytes);
      }
      Window& window = *windows.back();
      window.range.size = left.offset + part - window.range.offset;
      window.unread += part;
      left.offset += part;
      left.size -= part;
    }
  }
  return windows;
}

std::unique_ptr<io::Prefetch> Prefetcher::prefetch(std::span<const io::ByteRange> ranges) {
  const std::lock_guard lock(mutex_);
  std::vector<io::ByteRange> unknown;
  for (const io::ByteRange& range : ranges) {
    const io::ByteRange left = without_known(range);
    if (left.size > 0) unknown.push_back(left);
  }
  std::vector<WindowPtr> windows = make_windows(unknown);
  if (windows.empty()) return nullptr;
  for (const WindowPtr& window : windows) {
    windows_.emplace(window->range.offset, window);
    queue_.push_back(window);
  }
  const std::size_t threads = std::min<std::size_t>(queue_.size(), options_.connections);
  while (threads_.size() < threads) threads_.emplace_back([this] { run(); });
  changed_.notify_all();
  return std::make_unique<Hint>(*this, std::move(windows));
}

// Returns the window with the byte at `offset`, or null. Called with the lock held.
Prefetcher::WindowPtr Prefetcher::find(std::uint64_t offset) const {
  for (auto at = windows_.upper_bound(offset); at != windows_.begin();) {
    --at;
    if (offset - at->first >= options_.request_bytes) return nullptr;
    if (offset < at->second->range.end()) return at->second;
  }
  return nullptr;
}

// Returns the range without those bytes at its beginning that windows have. Called with the lock
// held.
io::ByteRange Prefetcher::without_known(io::ByteRange range) const {
  const std::uint64_t end = range.end();
  while (range.size > 0) {
    const WindowPtr window = find(range.offset);
    if (!window) break;
    range.offset = std::min(window->range.end(), end);
    range.size = end - range.offset;
  }
  return range;
}

Result<std::size_t> Prefetcher::read(std::uint64_t offset, MutableBytes out) {
  std::unique_lock lock(mutex_);
  const WindowPtr window = find(offset);
  if (!window) return std::size_t{0};
  if (window->state == Window::State::kQueued) {
    urgent_.push_back(window);
    changed_.notify_all();
  }
  const std::uint64_t from = offset - window->range.offset;
  changed_.wait(lock, [&] { return window->filled > from || window->failure || window->dropped; });
  if (window->filled <= from) {
    // A window that was dropped while it was fetched has failed too, but only because of that.
    if (window->failure && !window->dropped) return *window->failure;
    return std::size_t{0};
  }
  const std::size_t size = std::min<std::uint64_t>(out.size(), window->filled - from);
  lock.unlock();
  // The filled bytes do not change, and live as long as the window.
  std::copy_n(window->bytes.get() + from, size, out.begin());
  lock.lock();
  window->unread -= std::min<std::uint64_t>(window->unread, size);
  if (window->unread == 0) {
    forget(window);
    changed_.notify_all();
  }
  return size;
}

// Removes a window in any state. Called with the lock held.
void Prefetcher::forget(const WindowPtr& window) {
  const auto [begin, end] = windows_.equal_range(window->range.offset);
  const auto at = std::find_if(begin, end, [&](const auto& row) { return row.second == window; });
  if (at == end) return;
  windows_.erase(at);
  window->dropped = true;
  if (window->state == Window::State::kDone) held_ -= window->range.size;
}

// Removes the next window to fetch from its queue and returns it, or returns null if there is none
// or too much is in memory. Called with the lock held.
Prefetcher::WindowPtr Prefetcher::next_to_fetch() {
  const auto take = [](std::deque<WindowPtr>& queue) {
    WindowPtr window = std::move(queue.front());
    queue.pop_front();
    return window;
  };
  const auto skip = [](std::deque<WindowPtr>& queue) {
    while (!queue.empty() &&
           (queue.front()->dropped || queue.front()->state != Window::State::kQueued)) {
      queue.pop_front();
    }
    return !queue.empty();
  };
  if (skip(urgent_)) return take(urgent_);
  if (!skip(queue_)) return nullptr;
  const std::uint64_t size = queue_.front()->range.size;
  if (held_ != 0 && held_ + size > options_.ahead_bytes) return nullptr;
  return take(queue_);
}

void Prefetcher::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    WindowPtr window;
    changed_.wait(lock, [&] { return ending_ || (window = next_to_fetch()) != nullptr; });
    if (ending_) return;
    window->state = Window::State::kFetching;
    held_ += window->range.size;
    lock.unlock();
    fetch(*window);
    lock.lock();
    window->state = Window::State::kDone;
    if (window->dropped) held_ -= window->range.size;
    changed_.notify_all();
  }
}

void Prefetcher::fetch(Window& window) {
  window.bytes.reset(new (std::nothrow) std::byte[window.range.size]);
  std::byte* to = window.bytes.get();
  Status fetched = Error{Code::kIo, "out of memory"};
  if (to != nullptr)
    fetched = file_.fetch(window.range, [&](Bytes bytes) -> Status {
      if (window.dropped) return Error{Code::kCancelled, "no longer needed"};
      to = std::copy(bytes.begin(), bytes.end(), to);
      const std::lock_guard lock(mutex_);
      window.filled += bytes.size();
      changed_.notify_all();
      return {};
    });
  if (fetched.ok()) return;
  const std::lock_guard lock(mutex_);
  window.failure = std::move(fetched).error();
}

}  // namespace bbz::http
