// Names: what the outputs of salvage are called, so that none stands in another's way. Internal to
// the room.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "bbz/access/salvage/survey.h"

namespace bbz::salvage {

class Names {
 public:
  explicit Names(const Survey& survey);

  // Returns the path of a file in the archive, "file-N" if that is lost. Of two files with one path,
  // the second is called so too.
  std::string of_file(std::uint32_t number, const FoundFile& found);

  // Returns PATH with a suffix or, if that is the name of something else in the archive or its last
  // component is longer than file systems take, "file-N" with the suffix in the same directory.
  std::string beside(std::uint32_t number, const std::string& path, std::string_view suffix);

 private:
  bool take(const std::string& path);
  std::string numbered(std::uint32_t number, std::string_view directory, std::string_view suffix);

  std::set<std::string, std::less<>> known_;  // paths in the archive, and their directories
  std::set<std::string, std::less<>> taken_;  // by outputs
};

}  // namespace bbz::salvage
