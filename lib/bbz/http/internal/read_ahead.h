// ReadAhead: announced ranges, fetched by threads of its own before they are read. Internal to bbz.
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

// Announced ranges become windows: runs of ranges with small gaps between them, of at most
// Options::request_bytes, each fetched with one request. A window is let go of when as many bytes
// were read from it as were announced. At most Options::ahead_bytes are held or under way, apart
// from windows that somebody waits for. What is announced beyond kMaxWindows windows is not fetched
// ahead: the size of a file is a server's word, which does not decide how much memory is used here.
class ReadAhead {
 public:
  static constexpr std::size_t kMaxWindows = std::size_t{1} << 16;  // 512 GiB by 8 MiB

  ReadAhead(RemoteFile& file, const Options& options) : file_(file), options_(options) {}
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // What windows hold already is theirs. Precondition: the ranges lie within the file.
  std::unique_ptr<io::Announcement> announce(std::span<const io::ByteRange> ranges);

  // Some of the bytes at `offset`, as soon as they have come; 0 where no window holds them.
  Result<std::size_t> read(std::uint64_t offset, MutableBytes out);

 private:
  struct Window;
  class Told;
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
  std::deque<WindowPtr> urgent_;                     // somebody waits for these
  std::deque<WindowPtr> queue_;                      // in the order of their announcement
  std::uint64_t held_ = 0;                           // bytes of windows fetched or under way
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace bbz::http
