// nginx on loopback, for one test: with its own configuration, directory and log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/temp_dir.h"

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

  // Makes a certificate for `name`, an IP address or a host, that vouches for itself: `file`, with
  // its key in `file`.key. Throws if openssl(1) fails.
  static void make_certificate(const std::string& file, const std::string& name);

  // Serves the files below `root` at a free port, and over TLS with that certificate at another
  // one. What is below /plain/ is there too, redirected to without TLS. Throws if it does not
  // start.
  explicit Nginx(const std::string& root, const std::string& certificate = "");
  ~Nginx();
  Nginx(const Nginx&) = delete;
  Nginx& operator=(const Nginx&) = delete;

  std::string url(const std::string& path) const;
  std::string secure_url(const std::string& path) const;
  // The requests since the last call, which must be at their end. nginx logs a request after its
  // last byte is sent, so that one which has been read may be missing for a moment: one more is
  // made and waited for, which is not given back.
  std::vector<Entry> take_log();
  static std::uint64_t total_bytes(const std::vector<Entry>& log);

 private:
  io::TempDir dir_;
  int port_ = 0;
  int secure_port_ = 0;
  int child_ = -1;
  std::size_t taken_ = 0;
  unsigned marks_ = 0;
};

}  // namespace bbz::http
