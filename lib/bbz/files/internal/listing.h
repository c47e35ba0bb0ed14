// The listing of a folder: everything below it that is to be packed. Internal to the room.
#pragma once

#include "bbz/files/internal/folder.h"
#include "bbz/files/source_file.h"
#include "bbz/io/file_state.h"

namespace bbz::files {

// A file or an empty folder.
struct ListedEntry {
  std::string path;  // relative to the folder
  SourceFile::Kind kind = SourceFile::Kind::kRegular;
  io::FileState state{};  // of a file, when it was listed
  bool left_out = false;
};

struct Listing {
  std::vector<ListedEntry> entries;  // in the bytewise order of their paths
  std::vector<LeftOut> left_out;
};

// Lists everything below the folder, without opening a file. Errors: those of files::open().
Result<Listing> list(const Folder& folder, const Options& options);

}  // namespace bbz::files
