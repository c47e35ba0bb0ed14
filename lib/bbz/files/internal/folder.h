// Folder: an open folder, and what is opened below it without leaving it. Internal to the room.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "bbz/io/fd.h"

namespace bbz::files {

// A descriptor, or the number of the system's error.
struct Opened {
  io::Fd fd;
  int error = 0;
};

class Folder {
 public:
  // One entry of a folder, its status that of a link itself.
  struct Entry {
    std::string name;
    struct stat status {};
  };

  // `links_out`: links that lead out of the folder are followed.
  static Result<Folder> open(const std::string& path, bool links_out);

  // The folder that a file stands in, for that file alone, which may be a link to anywhere.
  static Result<Folder> of_file(const std::string& path);

  // Opens what is at `path` below the folder ("" for the folder itself). A link on the way that
  // leads out gives EXDEV, however it is exchanged meanwhile.
  Opened open_below(const std::string& path, int flags) const;

  // Opens a regular file below the folder for reading, without waiting for a FIFO that was put into
  // its place.
  Opened open_file(const std::string& path) const;

  // The entries of the folder at `path`, in any order, but "." and "..". At most `most`: kLimit.
  Result<std::vector<Entry>> entries(const std::string& path, std::uint64_t most) const;

  // How messages call what is at `path`, in quotes.
  std::string shown(std::string_view path) const;
  // The path by which the user reaches it.
  std::string full(std::string_view path) const;

 private:
  Folder(io::Fd fd, std::string path, bool links_out)
      : fd_(std::move(fd)), path_(std::move(path)), links_out_(links_out) {}

  io::Fd fd_;
  std::string path_;
  bool links_out_;
};

// open_below() for systems without openat2: walks component by component, and takes every link for
// one that leads out.
Opened open_without_links(int folder, const std::string& path, int flags);

// "folder/name", or the name alone if the folder is "".
std::string join(std::string_view folder, std::string_view name);

}  // namespace bbz::files
