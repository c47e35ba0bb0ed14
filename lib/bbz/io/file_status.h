// FileStatus: which file of this machine something is, and who may read it.
#pragma once

#include <cstdint>
#include <optional>

namespace bbz::io {

struct FileStatus {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;   // permission bits
  std::uint32_t group = 0;  // the number of the group that owns it

  bool is_same_file(const FileStatus& other) const {
    return device == other.device && inode == other.inode;
  }
};

// Reports on an open regular file; nothing for anything else. A mode whose group bits stand for an
// access control list comes without them, since they do not say who the list lets in.
std::optional<FileStatus> file_status_of(int fd);

// Who may read and write a new file at most. The umask takes away more.
class Permissions {
 public:
  // Takes away what `input` does not grant. Its owner may always read and write the new file.
  void restrict_to(const FileStatus& input);

  // Returns the permission bits for a new file of this group. Bits of the inputs' group count only
  // if the new file has that group too; otherwise, nobody gets what not all had.
  std::uint32_t mode_in(std::uint32_t group) const;

 private:
  std::uint32_t mode_ = 0666;
  std::optional<std::uint32_t> group_;  // of all inputs
  bool several_groups_ = false;
};

}  // namespace bbz::io
