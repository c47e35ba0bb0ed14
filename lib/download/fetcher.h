// Fetcher: brings what a push decoder needs over several connections. Internal to bbz.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "bbz/download/download.h"
#include "bbz/download/partial.h"
#include "bbz/http/remote_file.h"
#include "bbz/push/decoder.h"

namespace bbz::download {

class Fetcher {
 public:
  Fetcher(http::RemoteFile& remote, push::Decoder& decoder, Partial& partial,
          const Options& options)
      : remote_(remote), decoder_(decoder), partial_(partial), options_(options) {}

  // Fetches until the decoder needs nothing more.
  Status run();
  // Fetches only what is needed to know the structure.
  Status fetch_structure();
  // From a server without ranges: everything, front to back.
  Status run_whole();

  std::uint64_t moved() const { return moved_; }

 private:
  Status save();
  void work(bool structure_only);
  Status run_threads(unsigned threads, bool structure_only);
  std::optional<push::ByteRange> claim();
  std::uint64_t piece_bytes() const;
  Status take(std::uint64_t offset, Bytes bytes);
  Status check_damages() const;

  http::RemoteFile& remote_;
  push::Decoder& decoder_;
  Partial& partial_;
  const Options& options_;

  // All below and the decoder, while threads are at work.
  std::mutex mutex_;
  std::condition_variable changed_;
  push::RangeSet claimed_;  // under way
  std::uint64_t moved_ = 0;
  std::uint64_t unsaved_ = 0;
  std::optional<Error> failure_;
};

}  // namespace bbz::download
