// A tar stream as a sequence of files. Internal to the room.
#pragma once

#include "bbz/source/source_file.h"

namespace bbz::source {

// How many bytes of a stream is_tar looks at.
inline constexpr std::size_t kTarProbeSize = 512;

// Whether a stream begins with the header of a POSIX or GNU tar (the magic "ustar" at byte 257).
bool is_tar(Bytes first);

// Reads the members of a tar as they come. Members that are neither regular files nor folders
// (links, devices) are refused by name.
Result<std::unique_ptr<FileSequence>> open_tar(std::unique_ptr<io::Source> stream,
                                               const Options& options);

}  // namespace bbz::source
