// Copies of a tar's members, for hard links to them. Internal to the room.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bbz/io/fd_sink.h"
#include "bbz/io/source.h"

namespace bbz::files {

// Keeps what is read of members in a file without a name, until its limit is reached or the disk is
// full: a member that is not kept is no error before a link asks for it.
class TarCopies {
 public:
  // `folder`: where the file lies; empty: nothing is kept.
  TarCopies(std::string folder, std::uint64_t limit) : folder_(std::move(folder)), left_(limit) {}

  // Begins the member of this path and size; append() then gets its bytes in order.
  void begin(const std::string& path, std::uint64_t size);
  void append(Bytes bytes);

  // Gives `path` the content of `target`, and returns it as a source that is read front to back,
  // with this name; null if the target was not kept whole. Valid as long as any of its copies is.
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
  std::map<std::string, Copy> copies_;  // those that are whole
  std::optional<std::pair<std::string, Copy>> current_;
  std::uint64_t missing_ = 0;  // of the current one
};

}  // namespace bbz::files
