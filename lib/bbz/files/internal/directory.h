// Files on disk as a sequence: those below a directory, or a single file.
#pragma once

#include <sys/stat.h>

#include "bbz/files/source_file.h"

namespace bbz::files {

// Lists everything below the directory `root`. Each file is opened when next() reaches it. Errors:
// those of files::open().
Result<std::unique_ptr<FileSequence>> open_directory(const std::string& root,
                                                     const Options& options);

// Opens a sequence of one regular file, whose path is the last component of `path`, and runs
// look(). `status` is its present status. Errors: those of FileSequence::look(); kInvalidArgument if
// the file is options.output.
Result<std::unique_ptr<FileSequence>> open_regular(const std::string& path,
                                                   const struct stat& status,
                                                   const Options& options);

}  // namespace bbz::files
