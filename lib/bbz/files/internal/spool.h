// Spool: a stream that is copied to a file, for formats that are not read front to back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/io/source.h"

namespace bbz::files {

// The result of spool().
struct Spooled {
  // Seekable if all of the stream was copied; else the copied bytes followed by the rest of the
  // stream, read front to back.
  std::unique_ptr<io::Source> source;
  std::string why_not;  // why not all was copied, as the end of a sentence; empty if all was
};

// Copies a stream, of which `first` was read, to an unnamed file in `folder`. Stops at `limit`
// bytes, and if the file system has less space left than the copy takes, because the output may
// need as much. Errors: those of reading the stream.
Result<Spooled> spool(std::vector<std::byte> first, std::unique_ptr<io::Source> stream,
                      const std::string& folder, std::uint64_t limit);

}  // namespace bbz::files
