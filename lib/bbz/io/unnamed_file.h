// Files without a name: what is kept on disk for as long as a process works on it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/source.h"

namespace bbz::io {

// A file in `folder`, open for reading and writing and gone when it is closed. Errors: kIo.
Result<Fd> create_unnamed_file(const std::string& folder);

// Reads a source front to back, in large pieces, into such a file, and gives back the copy, which
// can seek and has the source's name. `progress`, where it is set, is called with the bytes that
// were copied. Errors: those of the source; kIo.
Result<std::unique_ptr<Source>> copy_to_disk(Source& source, const std::string& folder,
                                             const std::function<void(std::uint64_t)>& progress);

}  // namespace bbz::io
