// Front: a source whose first bytes are looked at before it is read. Internal to the room.
#pragma once

#include <memory>
#include <vector>

#include "bbz/io/source.h"

namespace bbz::files {

class Front {
 public:
  explicit Front(std::unique_ptr<io::Source> source) : source_(std::move(source)) {}

  // The first `size` bytes, or all that there are. Valid until the next call. Memory grows with
  // what is found, not with what is asked for.
  Result<Bytes> first(std::uint64_t size);

  std::optional<std::uint64_t> size() const { return source_->size(); }
  std::string_view name() const { return source_->name(); }

  // The source itself, for formats that are not read from their front; nullptr where it cannot
  // seek.
  io::Source* seekable() { return source_->seekable() ? source_.get() : nullptr; }

  // The source with nothing missing from its front; the Front must not be used again.
  std::unique_ptr<io::Source> release();

 private:
  std::unique_ptr<io::Source> source_;
  std::vector<std::byte> bytes_;
};

// A stream that must have `size` bytes: it gives kMalformed as the last of them is read where more
// follow. (One that has fewer ends early, which whoever reads it sees.)
std::unique_ptr<io::Source> sized_source(std::unique_ptr<io::Source> stream, std::uint64_t size);

}  // namespace bbz::files
