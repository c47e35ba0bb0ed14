// OutputPlace: recognises the output among the files to pack, so that it is not packed itself.
#pragma once

#include <optional>
#include <string>

#include "bbz/io/file_status.h"

namespace bbz::files {

// The place that an archive is written to, as it was when this was made.
class OutputPlace {
 public:
  // Looks up `output`, which is that of Options.
  explicit OutputPlace(const std::string& output);

  // The relation of a file to the output.
  enum class Role {
    kNone,    // something else
    kOutput,  // the output itself, or an archive that it replaces: not to be packed
    kSource,  // a file that the output would replace, and not an archive
  };

  // Returns the role of the entry `name` of the directory `folder`. `file` is the regular file to
  // which the entry leads, links followed, if it leads to one.
  Role role_of(const io::FileId& folder, std::string_view name,
               const std::optional<io::FileId>& file) const;

 private:
  std::optional<io::FileId> folder_;  // the directory of the output
  std::string name_;
  std::optional<io::FileId> file_;  // a regular file that exists there
  bool is_ours_ = false;            // whether it is an archive, or standard output
};

// Returns whether io::AtomicFile gives such names to unfinished files.
bool is_temporary_name(std::string_view name);

}  // namespace bbz::files
