// Fetcher: fetches what a push decoder needs, over several connections.
#pragma once

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <span>

#include "bbz/access/download/download.h"
#include "bbz/access/download/internal/partial.h"
#include "bbz/access/download/internal/piece_sizer.h"
#include "bbz/access/push/decoder.h"
#include "bbz/http/remote_file.h"

namespace bbz::download {

// Fetches from one file into one decoder and its Partial, which must outlive the Fetcher. Not for
// use from two threads at once; it starts threads of its own.
class Fetcher {
 public:
  // Requests ranges together if at most `gap` bytes lie between them.
  Fetcher(const std::string& url, http::RemoteFile& remote, push::Decoder& decoder,
          Partial& partial, const Options& options, std::uint64_t gap)
      : url_(url),
        remote_(remote),
        decoder_(decoder),
        partial_(partial),
        options_(options),
        gap_(gap),
        sizer_(std::max(options.http.connections, 1u)) {}

  // Fetches until the decoder needs nothing more.
  Status run();
  // Fetches everything from the first byte on, using the response that opened the file. The other
  // connections join if it takes long.
  Status run_from_front();
  // Fetches only the bytes that are needed to know the structure.
  Status fetch_structure();
  // Fetches the missing bytes of these ranges, one range after the other.
  Status fetch(std::span<const push::Interval> ranges);
  // Fetches the whole file front to back from a server without ranges.
  Status run_whole();

  // Records the time from a request to the start of its response.
  void answered(Clock::duration delay) { sizer_.answered(delay); }
  // Returns the number of bytes that were fetched.
  std::uint64_t moved() const { return moved_; }
  // Stops saving the state, so that the existing one stays valid, or saves it again.
  void keep_state(bool keep) { keeps_state_ = keep; }
  // Sets the number of bytes that progress reports as the goal.
  void set_goal(std::uint64_t bytes) { goal_ = bytes; }

 private:
  // A range that one connection is fetching. Other connections may take the end of it.
  struct Claim {
    push::Interval left;
    Clock::time_point asked;
    std::optional<Clock::time_point> began;  // the first bytes arrived then
    std::uint64_t bytes = 0;                 // that have arrived
  };
  using ClaimPtr = std::list<Claim>::iterator;

  Status run_threads(unsigned threads, bool structure_only, ClaimPtr first);
  Status save();
  void work(bool structure_only);
  std::optional<push::Interval> next();
  push::Interval with_index(push::Interval piece) const;
  ClaimPtr claim(push::Interval range);
  bool share();
  Status fetch_one(std::unique_lock<std::mutex>& lock, ClaimPtr claim);
  void finish(Status fetched);
  Status take(std::uint64_t offset, Bytes bytes);
  Status check_damages() const;
  std::uint64_t unclaimed() const;

  const std::string& url_;
  http::RemoteFile& remote_;
  push::Decoder& decoder_;
  Partial& partial_;
  const Options& options_;
  const std::uint64_t gap_;
  std::optional<std::uint64_t> goal_;

  // Guards all members below and the decoder while threads run.
  std::mutex mutex_;
  std::condition_variable changed_;
  PieceSizer sizer_;
  std::list<Claim> claims_;
  push::RangeSet claimed_;  // the remaining ranges of all claims
  std::uint64_t moved_ = 0;
  std::uint64_t unsaved_ = 0;
  bool keeps_state_ = false;
  std::optional<Error> failure_;
};

}  // namespace bbz::download
