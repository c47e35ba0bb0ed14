// Front: looks at the first bytes of a source before it is read.
#pragma once

#include <memory>
#include <vector>

#include "bbz/io/source.h"

namespace bbz::files {

// Owns a source, and keeps the bytes that were examined if the source is a stream.
class Front {
 public:
  // Looks at `source`.
  explicit Front(std::unique_ptr<io::Source> source) : source_(std::move(source)) {}

  // Returns the first `size` bytes, or all if there are fewer. Valid until the next call. Memory
  // grows with the bytes that are found, not with `size`. Errors: those of the source.
  Result<Bytes> first(std::uint64_t size);

  // Returns the bytes of the source, if known.
  std::optional<std::uint64_t> size() const { return source_->size(); }
  // Returns the name of the source.
  std::string_view name() const { return source_->name(); }

  // Returns the source itself, for formats that are not read front to back, or nullptr if it cannot
  // seek.
  io::Source* seekable() { return source_->seekable() ? source_.get() : nullptr; }

  // Makes a stream seekable by a copy of it in `folder`, of at most `limit` bytes. Returns why that
  // is not possible, as the end of a sentence, or an empty string; the stream can be read in both
  // cases. Errors: those of the source.
  Result<std::string> copy(const std::string& folder, std::uint64_t limit);

  // Returns the source, which begins with the bytes that were examined. The Front must not be used
  // afterwards.
  std::unique_ptr<io::Source> release();

 private:
  std::unique_ptr<io::Source> source_;
  std::vector<std::byte> bytes_;
};

// Returns a stream of at most `size` bytes. If more bytes follow, reading the last one fails with
// kMalformed. If there are fewer, the stream ends early, and its reader has to notice.
std::unique_ptr<io::Source> sized_source(std::unique_ptr<io::Source> stream, std::uint64_t size);

}  // namespace bbz::files
