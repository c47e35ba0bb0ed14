// A server in a process of its own: what a test holds in memory counts for the programs that it starts.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <stdexcept>
#include <string>

#include "http/server.h"

namespace bbz::tools {

class Serving {
 public:
  // Serves the bytes that `content` returns until it is destroyed. `hook`: see http::Server.
  explicit Serving(const std::function<std::string()>& content,
                   const http::Server::Hook& hook = {}) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(ends[0]);
      const http::Server server(content(), hook);
      const int port = server.port();
      if (::write(ends[1], &port, sizeof port) != sizeof port) ::_exit(1);
      ::close(ends[1]);
      while (true) ::pause();
    }
    ::close(ends[1]);
    const bool told = ::read(ends[0], &port_, sizeof port_) == sizeof port_;
    ::close(ends[0]);
    if (!told) throw std::runtime_error("the server did not start");
  }
  ~Serving() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/model.bbz"; }

 private:
  pid_t child_ = 0;
  int port_ = 0;
};

}  // namespace bbz::tools
