// Options of an output that becomes a file.
#pragma once

#include <cstdint>
#include <optional>

#include "bbz/io/file_attributes.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// Options of AtomicFile, OutputTree and create_output().
struct OutputOptions {
  bool replace = false;  // replace an existing regular file or symbolic link
  // Sync the content to the disk before the name appears, so that a power failure leaves either the
  // old file or the new one. Otherwise the system decides when it writes.
  bool sync = true;
  // The file that is read while the output is written. The output never replaces it and is never
  // more readable. Sink::add_input() adds more inputs.
  std::optional<FileStatus> input{};
  // What the new file is to have. Its permissions are restricted further, by the umask and by the
  // inputs; without a mode, nobody may execute it. It gets the time when all of its bytes are
  // written.
  FileAttributes attributes{};
  // An owner of a file.
  struct Owner {
    std::uint32_t user = 0;   // number of the user
    std::uint32_t group = 0;  // number of the group
  };
  // Who is to own the new file. It is only tried, because few but root may give a file away.
  std::optional<Owner> owner{};
};

}  // namespace bbz::io
