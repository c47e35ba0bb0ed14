// A folder as a sequence of files. Internal to the room.
#pragma once

#include "bbz/source/source_file.h"

namespace bbz::source {

// Lists everything below `root`; the files are opened as they are reached.
Result<std::unique_ptr<FileSequence>> open_directory(const std::string& root,
                                                     const Options& options);

}  // namespace bbz::source
