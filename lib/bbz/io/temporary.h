// Temporary: a file that has no name of its own yet, until it is linked to one. Internal to bbz.
#pragma once

#include <memory>
#include <string>

#include "bbz/io/fd.h"
#include "bbz/io/file_status.h"

namespace bbz::io {

// A directory that is open, for all who create files in it.
using Directory = std::shared_ptr<const Fd>;

// A file without a name where the file system has such files (O_TMPFILE): however the process
// ends, nothing of it is left. Elsewhere it is called ".bbz-", 16 random hexadecimal digits and
// ".tmp", and locked for as long as it is open: a later process that creates a file in the
// directory finds it and, if nobody holds the lock, removes it. Nobody but the owner can open it
// before it is published.
class Temporary {
 public:
  Temporary() = default;
  // Creates one in `directory`, where leftovers are removed. `path` is for messages.
  // Errors: kIo, kNotFound; kCancelled after remove_unfinished_files().
  static Result<Temporary> create(Directory directory, const std::string& path);

  ~Temporary() { remove(); }
  Temporary(Temporary&& other) noexcept { *this = std::move(other); }
  Temporary& operator=(Temporary&& other) noexcept;

  explicit operator bool() const { return static_cast<bool>(file_); }
  int fd() const { return file_.get(); }
  int directory() const { return directory_->get(); }

  // Gives the file its permissions, as far as the umask allows, and the name `target` in the
  // directory, in place of what is there only if `replace` is set. Nothing is synced. Errors:
  // kExists if the name is taken; kIo; kCancelled as above. After an error the file is gone.
  Status publish(const std::string& target, bool replace, const Permissions& permissions,
                 const std::string& path);

  // Removes the file; nothing may be done with it after that.
  void remove();
  // Takes away the name that it may have, and gives up the file, which is gone when it is closed.
  Fd release();

 private:
  Status create_named(const std::string& path);
  Status open_named(std::uint32_t mode, const std::string& path);
  int link(const std::string& target);
  int replace_through_link(const std::string& target);

  Directory directory_;
  Fd file_;
  std::string name_;           // in the directory; empty while it has none
  int slot_ = -1;              // of the name in the registry
  std::uint32_t allowed_ = 0;  // permission bits that the umask leaves
  std::uint32_t group_ = 0;
};

// Opens the directory in which `path` stands. Errors: kNotFound; kIo.
Result<Directory> open_parent(const std::string& path);

}  // namespace bbz::io
