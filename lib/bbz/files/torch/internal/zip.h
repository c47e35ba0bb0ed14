// Lists the entries of a zip archive that stores them uncompressed.
//
// Follows APPNOTE.TXT 6.3.10 of PKWARE. An archive is read by its central directory; the local
// headers must agree with it, so that every reader finds the same bytes.
#pragma once

#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

// An entry of the archive.
struct ZipEntry {
  std::string name;
  std::uint64_t header = 0;  // offset of its local header in the file
  std::uint64_t offset = 0;  // of its data
  std::uint64_t size = 0;    // of its data, in bytes
};

// Returns the entries in order of offset, which do not overlap. Does not check the checksums of the
// data, because PyTorch can leave them out. Errors: those of read_state_dict.
Result<std::vector<ZipEntry>> read_zip(io::Source& file, const Limits& limits);

}  // namespace bbz::torch
