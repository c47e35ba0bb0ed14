// Lists the files and empty directories below a directory that are to be packed.
#pragma once

#include "bbz/files/internal/folder.h"
#include "bbz/files/source_file.h"
#include "bbz/io/file_attributes.h"
#include "bbz/io/file_version.h"

namespace bbz::files {

// A file, or a directory in which nothing is listed.
struct ListedEntry {
  std::string path;  // relative to the listed directory
  SourceFile::Kind kind = SourceFile::Kind::kRegular;
  io::FileVersion version{};        // of a file, at the time of listing
  io::FileAttributes attributes{};  // at the time of listing
  bool left_out = false;
};

// The entries to pack, and those that options.skip_unreadable left out.
struct Listing {
  std::vector<ListedEntry> entries;  // in bytewise order of their paths
  std::vector<LeftOut> left_out;
};

// Lists everything below the directory, without reading a file. Errors: those of files::open().
Result<Listing> list(const Folder& folder, const Options& options);

}  // namespace bbz::files
