// The entries of a zip archive that stores them as they are. Internal to the room.
//
// After APPNOTE.TXT 6.3.10 of PKWARE. An archive is read by its central directory; what its
// local headers say must agree, so that every reader finds the same bytes.
#pragma once

#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

struct ZipEntry {
  std::string name;
  std::uint64_t header = 0;  // offset of its local header in the file
  std::uint64_t offset = 0;  // of its data
  std::uint64_t size = 0;    // of its data, in bytes
};

// The entries in the order of the file, which do not overlap. Checksums of the data are not looked
// at: PyTorch can be told to leave them out. Errors: as read_state_dict.
Result<std::vector<ZipEntry>> read_zip(io::Source& file, const Limits& limits);

}  // namespace bbz::torch
