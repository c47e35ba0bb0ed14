// Shared by the tests of bbz get: an archive, a server of it, and the files that must be left in
// the end.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "http/server.h"
#include "tools/noisy_model.h"
#include "tools/shell.h"

namespace bbz::tools {

using http::Server;
using http::ServerConnection;
using http::ServerRequest;

// The pause of a slow server after every 64 KiB.
constexpr std::chrono::milliseconds kSlow{3};

// Serves so many bytes of bodies in all, and then breaks every connection.
class Budget {
 public:
  Server::Hook hook(Server& server) {
    return [this, &server](const ServerRequest& request, ServerConnection& connection) {
      const std::uint64_t sent = server.body_bytes();
      if (most == UINT64_MAX) return false;
      if (sent < most) server.serve(request, connection, most - sent);
      connection.close();
      return true;
    };
  }
  // Lets so many more through.
  void allow(const Server& server, std::uint64_t more) { most = server.body_bytes() + more; }
  void lift() { most = UINT64_MAX; }

 private:
  std::atomic<std::uint64_t> most{UINT64_MAX};
};

// The bytes that a server has sent and the programs that it has sent them to have not read: the
// system has them. The queues of both ends of a connection may have the same ones.
inline std::uint64_t bytes_on_the_way(const Server& server) {
  std::map<std::string, std::uint64_t> unread;  // by the client's address
  std::ifstream table("/proc/net/tcp");
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state, queues;
    fields >> number >> local >> remote >> state >> queues;
    const auto port = [](const std::string& address) {
      return std::stoi(address.substr(address.find(':') + 1), nullptr, 16);
    };
    const auto queue = [&](std::size_t at) -> std::uint64_t {
      return std::stoull(queues.substr(at, 8), nullptr, 16);
    };
    constexpr const char* kListening = "0A";
    if (state == kListening) continue;
    if (port(local) == server.port()) unread[remote] = std::max(unread[remote], queue(0));
    if (port(remote) == server.port()) unread[local] = std::max(unread[local], queue(9));
  }
  std::uint64_t bytes = 0;
  for (const auto& [client, size] : unread) bytes += size;
  return bytes;
}

class Get : public ToolTest {
 protected:
  void pack(std::uint64_t layer_bytes, const std::string& options = "") {
    write("model.safetensors", noisy_model(3, layer_bytes));
    ASSERT_EQ(sh("$BBZ pack -q -f " + options + " model.safetensors -o model.bbz").code, 0);
    archive_ = read("model.bbz");
    std::filesystem::remove(dir_ / "model.bbz");
  }

  // Lets $URL be that of a server of the archive.
  void offer(Server& server) {
    server.replace(archive_, "\"one\"");
    ::setenv("URL", server.url().c_str(), 1);
  }

  // Nothing of a download is left but the file itself.
  void expect_done(const std::string& name = "model.bbz") {
    EXPECT_TRUE(exists(name) && read(name) == archive_);
    expect_nothing_beside(name);
  }
  void expect_nothing_beside(const std::string& name) {
    EXPECT_FALSE(exists(name + ".part"));
    EXPECT_FALSE(exists(name + ".part.state"));
  }

  void expect_failure(const std::string& command, int code, const std::string& words) {
    const Finished finished = sh(command);
    EXPECT_EQ(finished.code, code) << command << "\n" << finished.err;
    EXPECT_NE(finished.err.find(words), std::string::npos) << finished.err;
    EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << finished.err;
  }

  // Starts a command and kills it at a random moment, up to so many bytes later, many times.
  void kill_many(const Server& server, int times, std::uint64_t bytes, const std::string& command) {
    std::mt19937 random(1);
    for (int i = 0; i < times; ++i) {
      const std::uint64_t until = server.body_bytes() + 1 + random() % bytes;
      const pid_t child = start("exec " + command);
      int status = 0;
      while (server.body_bytes() < until && ::waitpid(child, &status, WNOHANG) == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
      ::kill(child, SIGSTOP);
      ::waitpid(child, &status, WUNTRACED);
      lost_ += bytes_on_the_way(server);
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      ASSERT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed";
    }
  }

  std::string archive_;
  std::uint64_t lost_ = 0;  // that a server has sent, and the program it was for was killed before
};

}  // namespace bbz::tools
