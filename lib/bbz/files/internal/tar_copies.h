// Copies of a tar's members, for hard links to them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bbz/io/fd_writer.h"
#include "bbz/io/source.h"

namespace bbz::files {

// Keeps the bytes of members in an unnamed file, within a limit and while the disk has space. A
// member that could not be kept is no error until a link needs it.
class TarCopies {
 public:
  // Keeps up to `limit` bytes in a file in `folder`, or nothing if `folder` is empty.
  TarCopies(std::string folder, std::uint64_t limit) : folder_(std::move(folder)), left_(limit) {}

  // Begins the member with this path and size, whose bytes append() gets in order.
  void begin(const std::string& path, std::uint64_t size);
  // Adds the next bytes of the member that was begun.
  void append(Bytes bytes);

  // Gives `path` the content of `target`, and returns that content as a source named `name`, which
  // cannot seek, or null if the target was not kept completely. The source may outlive this object.
  // Errors: kIo.
  Result<std::unique_ptr<io::Source>> link(const std::string& path, const std::string& target,
                                           std::string name);

 private:
  struct Copy {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  struct File {
    explicit File(io::Fd opened, std::string name)
        : fd(std::move(opened)), writer(fd.get(), std::move(name)) {}
    io::Fd fd;
    io::FdWriter writer;
  };
  class Reader;

  void stop_copying();

  std::string folder_;
  std::uint64_t left_;
  std::shared_ptr<File> file_;
  std::map<std::string, Copy> copies_;  // the complete ones
  std::optional<std::pair<std::string, Copy>> current_;
  std::uint64_t missing_ = 0;  // bytes of the current member that are still to come
};

}  // namespace bbz::files
