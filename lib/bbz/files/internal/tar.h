// A tar stream as a sequence of files.
#pragma once

#include "bbz/files/source_file.h"

namespace bbz::files {

// The number of first bytes that is_tar() needs.
inline constexpr std::size_t kTarProbeSize = 512;

// Returns whether a stream begins with the header of a POSIX or GNU tar ("ustar" at byte 257).
bool is_tar(Bytes first);

// Opens a tar whose members are read in order. A hard link without data gives the content of the
// earlier member that it names, if a copy of that was kept (Options::temporary_folder). Members
// that are not regular files, directories or hard links are refused by name. Errors: kMalformed;
// those of the stream.
Result<std::unique_ptr<FileSequence>> open_tar(std::unique_ptr<io::Source> stream,
                                               const Options& options);

}  // namespace bbz::files
