// Files without a name, for data that a process keeps on the disk while it works.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/source.h"

namespace bbz::io {

// Creates a file in the directory `folder`, open for reading and writing. Closing it deletes it.
// Errors: kNotFound if the directory is missing; kIo; kCancelled after remove_unfinished_files().
Result<Fd> create_unnamed_file(const std::string& folder);

// Copies a source front to back to an unnamed file in `folder`. Returns the copy, which is seekable,
// has the name of the source, and gives the identity of its file, so that no output is more readable
// than that. Calls `progress`, if it is set, with the number of bytes copied
// so far. Errors: those of the source; those of create_unnamed_file(); kIo.
Result<std::unique_ptr<Source>> copy_to_disk(Source& source, const std::string& folder,
                                             const std::function<void(std::uint64_t)>& progress);

}  // namespace bbz::io
