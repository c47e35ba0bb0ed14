// OutputPlace: where an archive goes, so that it is not packed itself. Internal to the room.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "bbz/io/file_state.h"

namespace bbz::files {

class OutputPlace {
 public:
  // `output` as in Options.
  explicit OutputPlace(const std::string& output);

  enum class Role {
    kNone,    // something else
    kOutput,  // the output's own, not to be packed
    kSource,  // it would be replaced, and is no archive
  };

  // What an entry `name` of the folder is, whose status and, behind links, that of the file is
  // given.
  Role role_of(const io::FileState& folder, std::string_view name,
               const std::optional<io::FileState>& file) const;

 private:
  std::optional<io::FileState> folder_;  // that it stands in, or will
  std::string name_;
  std::optional<io::FileState> file_;  // a regular file that stands there
  bool is_ours_ = false;               // the file is an archive, or being written already
};

// Whether this is a name that io::AtomicFile gives to what is not finished.
bool is_temporary_name(std::string_view name);

}  // namespace bbz::files
