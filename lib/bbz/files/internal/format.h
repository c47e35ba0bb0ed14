// The formats of source files: how one is known and how it is laid out. Internal to the room.
#pragma once

#include "bbz/files/internal/front.h"
#include "bbz/files/source_file.h"

namespace bbz::files {

// One format, a row of the table in format.cc.
struct Format {
  // How sure the probe is. A file that only might be of the format and does not keep its rules is
  // plain bytes; one that claims to be is an error.
  enum class Match { kNo, kMaybe, kClaimed };

  std::string_view name;
  std::string_view suffix;  // of a stream's file that has no other name: ".safetensors"
  std::uint64_t probe_size = 0;
  Match (*probe)(std::string_view path, Bytes first) = nullptr;
  // Reads what it needs of the front, or of a source that can seek, and gives the layout.
  Result<Layout> (*layout)(Front& front, const Options& options) = nullptr;
};

// A range that is no tensor, for layouts.
Extent bytes_extent(std::uint64_t offset, std::optional<std::uint64_t> length);

// Finds the format of a file and lays it out. `path` is that of the result, or empty for a stream
// without a name; `shown` is what messages call it.
Result<SourceFile> describe(std::unique_ptr<io::Source> source, std::string path,
                            std::string_view shown, const Options& options);

}  // namespace bbz::files
