// Names: gives the outputs of salvage names that do not collide.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "bbz/access/salvage/survey.h"

namespace bbz::salvage {

// Chooses the names of outputs.
class Names {
 public:
  // Reserves the paths of the survey's files, and of the directories above them. The survey must
  // outlive this.
  explicit Names(const Survey& survey);

  // Returns the path of a file in the archive, or "file-N" if that is lost or another file has it.
  std::string of_file(std::uint32_t number, const FoundFile& found);

  // Returns `path` with a suffix. If something else in the archive has that name, or its last
  // component is longer than file systems take, returns "file-N" with the suffix, in the same
  // directory.
  std::string beside(std::uint32_t number, const std::string& path, std::string_view suffix);

 private:
  bool is_known(const std::string& path) const;
  bool take(const std::string& path);
  std::string numbered(std::uint32_t number, std::string_view directory, std::string_view suffix);

  std::set<std::string_view> known_;          // paths in the archive, in memory of the survey
  std::set<std::string, std::less<>> taken_;  // by outputs
};

}  // namespace bbz::salvage
