// FileStatus: which file of this machine it is, and who may read it. An output that is made from the
// file must neither replace it nor be more readable. FileVersion (file_version.h) tells whether the
// content of a file has changed, which FileStatus does not.
#pragma once

#include <cstdint>
#include <optional>

struct stat;

namespace bbz::io {

// Identifies a file while it exists, whatever its names and its content are.
struct FileId {
  std::uint64_t device = 0;  // st_dev
  std::uint64_t inode = 0;   // st_ino

  // Returns whether both are the same file.
  friend bool operator==(const FileId&, const FileId&) = default;
};

// Returns the identity of the file that stat(2) describes.
FileId file_id(const struct stat& status);

// Identifies a file and names its permissions.
struct FileStatus {
  FileId id;                // which file it is
  std::uint32_t mode = 0;   // permission bits
  std::uint32_t group = 0;  // number of the group that owns it
};

// Returns the status of an open regular file, or nullopt for anything else. If the file has an
// access control list, the mode has no group bits, because they do not show whom the list permits.
std::optional<FileStatus> file_status_of(int fd);

// The largest permissions of a new file that is made from inputs. The umask restricts them further.
class Permissions {
 public:
  // The permissions of a new file that nothing restricts, unless others are asked for.
  static constexpr std::uint32_t kUsual = 0666;

  // Makes the permissions of a new file that is to have at most `most`.
  explicit Permissions(std::uint32_t most = kUsual) : most_(most) {}

  // Removes the permissions that `input` does not grant. Who may read the input may execute the new
  // file, and the owner of the new file may do everything.
  void restrict_to(const FileStatus& input);

  // Returns the permission bits for a new file of this group. The inputs' bits for their group
  // count only if all inputs have this group. Otherwise the group and others get only what all
  // inputs grant to both.
  std::uint32_t mode_in(std::uint32_t group) const;

 private:
  std::uint32_t most_;
  std::uint32_t mode_ = 0777;           // what the inputs grant
  std::optional<std::uint32_t> group_;  // of all inputs
  bool several_groups_ = false;
};

}  // namespace bbz::io
