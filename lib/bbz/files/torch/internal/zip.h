// Lists the entries of a zip archive.
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
  std::uint64_t size = 0;    // of its data in the file, in bytes
  std::uint16_t method = 0;  // of compression; 0: none
  bool encrypted = false;
};

// An archive, which may follow others in a file.
struct ZipArchive {
  std::uint64_t begin = 0;          // where it begins in the file
  std::vector<ZipEntry> entries{};  // in order of offset, without overlap
};

// Returns the archive that ends at byte `end` of the file. Only at the end of the file may a comment
// follow its entries. Does not check the checksums of the data, because PyTorch can leave them out.
// Errors: those of read_state_dict; kMalformed with the message kNoPickle if no entry is the pickle of
// an object, before anything but the central directory is read.
Result<ZipArchive> read_zip(io::Source& file, std::uint64_t end, const Limits& limits);

// Returns whether an entry is the pickle of an object by its name: "<name>/data.pkl".
bool is_pickle(const ZipEntry& entry);

// Returns kUnsupported if the data of an entry is not stored as it is.
Status check_stored(const ZipEntry& entry);

}  // namespace bbz::torch
