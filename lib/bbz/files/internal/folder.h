// Folder: an open directory, and access to what is below it that cannot escape from it.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "bbz/io/fd.h"

namespace bbz::files {

// A descriptor, or the errno of the call that failed.
struct Opened {
  io::Fd fd;
  int error = 0;
};

// Holds a directory open. Paths are relative to it; "" is the directory itself.
class Folder {
 public:
  // An entry of a directory. The status of a link is that of the link itself.
  struct Entry {
    std::string name;
    struct stat status {};
  };

  // Opens a directory. With `links_out`, links that lead out of it are followed. Errors: those of
  // the system.
  static Result<Folder> open(const std::string& path, bool links_out);

  // Opens the directory of a file, for access to that file alone, which may be a link to anywhere.
  static Result<Folder> of_file(const std::string& path);

  // Opens `path` below the directory. Fails with EXDEV if a link on the way leads out, even if the
  // link is replaced during the call; with links_out, it is followed.
  Opened open_below(const std::string& path, int flags) const;

  // Opens a regular file below the directory for reading. Does not block if it was replaced by a
  // FIFO.
  Opened open_file(const std::string& path) const;

  // Returns the entries of the directory at `path`, in any order, without "." and "..". Errors:
  // those of the system; kLimit if there are more than `most`.
  Result<std::vector<Entry>> entries(const std::string& path, std::uint64_t most) const;

  // Returns the name of `path` for messages, in quotes.
  std::string shown(std::string_view path) const;
  // Returns the path by which the user reaches `path`.
  std::string full(std::string_view path) const;

 private:
  Folder(io::Fd fd, std::string path, bool links_out)
      : fd_(std::move(fd)), path_(std::move(path)), links_out_(links_out) {}

  io::Fd fd_;
  std::string path_;
  bool links_out_;
};

// Opens a path below a directory on systems without openat2: walks component by component, and
// treats every link as one that leads out.
Opened open_without_links(int folder, const std::string& path, int flags);

// Returns "directory/name", or the name alone if the directory is "".
std::string join(std::string_view folder, std::string_view name);

}  // namespace bbz::files
