// Temporary: a file that does not have its final name yet.
// Installed because io/atomic_file.h needs it; not meant to be used on its own.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// An open directory, shared by the files that are created in it.
using Directory = std::shared_ptr<const Fd>;

// Owns a new file, or none. The file has no name if the file system supports that (O_TMPFILE), so
// nothing is left of it whatever ends the process. Otherwise its name is ".bbz-", 16 random
// hexadecimal digits and ".tmp", and it is locked while it is open. A later process that creates a
// file in the directory removes it if it is not locked. Only the owner can open the file for its
// content before it is published.
class Temporary {
 public:
  Temporary() = default;
  // Creates a file in `directory`, and removes leftovers there. `path` is for messages. It is
  // published with no other permissions than `most`.
  // Errors: kIo, kNotFound; kCancelled after remove_unfinished_files().
  static Result<Temporary> create(Directory directory, const std::string& path,
                                  std::uint32_t most = Permissions::kUsual);

  ~Temporary() { remove(); }
  // Takes the file of `other`, which has none afterwards.
  Temporary(Temporary&& other) noexcept { *this = std::move(other); }
  // Removes the file and takes that of `other`, which has none afterwards.
  Temporary& operator=(Temporary&& other) noexcept;

  // Returns whether there is a file.
  explicit operator bool() const { return static_cast<bool>(file_); }
  // Returns the descriptor of the file, open for reading and writing.
  int fd() const { return file_.get(); }
  // Returns the descriptor of the directory. Precondition: there is a file.
  int directory() const { return directory_->get(); }

  // Gives the file this owner and this group, or the group alone, if the system permits that. A group
  // that it does not get has no more permissions afterwards than others have. To be called before publish().
  void try_owner(std::uint32_t user, std::uint32_t group);

  // Gives the file its permissions, restricted by the umask, and the name `target` in the
  // directory. Replaces an existing target only if `replace` is set. Syncs nothing. After an error,
  // the file must be removed. Errors: kExists if the target exists and `replace` is not set; kIo;
  // kCancelled after remove_unfinished_files().
  Status publish(const std::string& target, bool replace, const Permissions& permissions,
                 const std::string& path);

  // Removes the file, if there is one. Afterwards there is none.
  void remove();
  // Removes the file's name, if it has one, and gives the descriptor to the caller. Closing it
  // deletes the file.
  Fd release();

 private:
  Status create_named(const std::string& path, std::uint32_t most);
  Status open_named(std::uint32_t mode, const std::string& path);
  int link(const std::string& target);
  int replace_through_link(const std::string& target);

  Directory directory_;
  Fd file_;
  std::string name_;           // in the directory; empty if the file has none
  int slot_ = -1;              // slot of the name in the registry
  std::uint32_t allowed_ = 0;  // permission bits that the umask permits
  std::uint32_t group_ = 0;
};

// Opens the directory that contains `path`. Errors: kNotFound; kIo.
Result<Directory> open_parent(const std::string& path);

}  // namespace bbz::io
