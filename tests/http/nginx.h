// nginx on loopback, for one test: with a configuration, a folder and a log of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/temp_dir.h"

namespace bbz::http {

class Nginx {
 public:
  struct Entry {
    int status = 0;
    std::uint64_t bytes = 0;  // of the body
    std::string range;
    std::string connection;
  };

  // Whether the machine has it.
  static bool is_there();

  // Serves the files below `root` at a free port. Throws where it does not start.
  explicit Nginx(const std::string& root);
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  std::string url(const std::string& path) const;
  // The requests since the last call, which must be at their end. nginx logs a request after its
  // last byte is sent, so that one which has been read may be missing for a moment: one more is
  // made and waited for, which is not given back.
  std::vector<Entry> take_log();
  static std::uint64_t total_bytes(const std::vector<Entry>& log);

 private:
  io::TempDir dir_;
  int port_ = 0;
  int child_ = -1;
  std::size_t taken_ = 0;
  unsigned marks_ = 0;
};

}  // namespace bbz::http
