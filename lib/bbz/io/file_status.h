// FileStatus: the identity of a file on this machine, and who may read it.
#pragma once

#include <cstdint>
#include <optional>

namespace bbz::io {

// Identifies a file and names its permissions.
struct FileStatus {
  std::uint64_t device = 0;  // st_dev
  std::uint64_t inode = 0;   // st_ino
  std::uint32_t mode = 0;    // permission bits
  std::uint32_t group = 0;   // number of the group that owns it

  // Returns whether both are the same file.
  bool is_same_file(const FileStatus& other) const {
    return device == other.device && inode == other.inode;
  }
};

// Returns the status of an open regular file, or nullopt for anything else. If the file has an
// access control list, the mode has no group bits, because they do not show whom the list permits.
std::optional<FileStatus> file_status_of(int fd);

// The largest permissions of a new file that is made from inputs. The umask restricts them further.
class Permissions {
 public:
  // Removes the permissions that `input` does not grant. The owner of the new file may always read
  // and write it.
  void restrict_to(const FileStatus& input);

  // Returns the permission bits for a new file of this group. The inputs' bits for their group
  // count only if all inputs have this group. Otherwise the group and others get only what all
  // inputs grant to both.
  std::uint32_t mode_in(std::uint32_t group) const;

 private:
  std::uint32_t mode_ = 0666;
  std::optional<std::uint32_t> group_;  // of all inputs
  bool several_groups_ = false;
};

}  // namespace bbz::io
