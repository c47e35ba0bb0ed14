// A tar stream as a sequence of files. Internal to the room.
#pragma once

#include "bbz/files/source_file.h"

namespace bbz::files {

// How many bytes of a stream is_tar looks at.
inline constexpr std::size_t kTarProbeSize = 512;

// Whether a stream begins with the header of a POSIX or GNU tar (the magic "ustar" at byte 257).
bool is_tar(Bytes first);

// Reads the members of a tar as they come. A hard link to a member that came before is a file of
// the same content, if a copy of that was kept (Options::temporary_folder); all other members that
// are neither regular files nor folders are refused by name.
Result<std::unique_ptr<FileSequence>> open_tar(std::unique_ptr<io::Source> stream,
                                               const Options& options);

}  // namespace bbz::files
