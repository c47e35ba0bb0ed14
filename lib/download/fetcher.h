// Fetcher: brings what a push decoder needs over several connections. Internal to bbz.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>

#include "bbz/download/download.h"
#include "bbz/download/partial.h"
#include "bbz/http/remote_file.h"
#include "bbz/push/decoder.h"

namespace bbz::download {

class Fetcher {
 public:
  // Ranges with at most `gap` bytes between them are fetched together.
  Fetcher(http::RemoteFile& remote, push::Decoder& decoder, Partial& partial,
          const Options& options, std::uint64_t gap)
      : remote_(remote), decoder_(decoder), partial_(partial), options_(options), gap_(gap) {}

  // Fetches until the decoder needs nothing more.
  Status run();
  // Fetches only what is needed to know the structure.
  Status fetch_structure();
  // Fetches these ranges, one after the other, as far as they are not there.
  Status fetch(std::span<const push::Interval> ranges);
  // From a server without ranges: everything, front to back.
  Status run_whole();

  std::uint64_t moved() const { return moved_; }
  // From now on progress tells of this many bytes as the goal.
  void set_goal(std::uint64_t bytes) { goal_ = bytes; }

 private:
  Status save();
  void work(bool structure_only);
  Status run_threads(unsigned threads, bool structure_only);
  std::optional<push::Interval> claim();
  std::uint64_t piece_bytes() const;
  Status fetch_one(push::Interval range);
  Status take(std::uint64_t offset, Bytes bytes);
  Status check_damages() const;

  http::RemoteFile& remote_;
  push::Decoder& decoder_;
  Partial& partial_;
  const Options& options_;
  const std::uint64_t gap_;
  std::optional<std::uint64_t> goal_;

  // All below and the decoder, while threads are at work.
  std::mutex mutex_;
  std::condition_variable changed_;
  push::RangeSet claimed_;  // under way
  std::uint64_t moved_ = 0;
  std::uint64_t unsaved_ = 0;
  std::optional<Error> failure_;
};

}  // namespace bbz::download
