// Files on disk as a sequence: those below a folder, or a single one. Internal to the room.
#pragma once

#include "bbz/files/source_file.h"
#include "bbz/io/file_state.h"

namespace bbz::files {

// Lists everything below `root`; the files are opened as they are reached.
Result<std::unique_ptr<FileSequence>> open_directory(const std::string& root,
                                                     const Options& options);

// A regular file, which has the last component of its path as its path, and its state now. It is
// looked at at once. Errors: those of FileSequence::look().
Result<std::unique_ptr<FileSequence>> open_regular(const std::string& path,
                                                   const io::FileState& state,
                                                   const Options& options);

}  // namespace bbz::files
