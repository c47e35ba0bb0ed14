// A small HTTP server for tests, which serves one file well, or badly in the way that a test asks
// for.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace bbz::http {

struct ServerRequest {
  std::size_t number = 0;  // of all requests to this server, from 0
  std::string method;
  std::string target;                         // "/file"; of a proxy, a URL or "host:port"
  std::map<std::string, std::string> fields;  // names in lower case
  // The bytes [first, second) that the field Range asks for. A suffix or a range open at its end
  // reaches to the end.
  std::optional<std::pair<std::uint64_t, std::uint64_t>> range;
};

class Server;

class ServerConnection {
 public:
  ServerConnection(Server& server, int fd) : server_(server), fd_(fd) {}

  void send(std::string_view text);
  // Ends the connection: in order, or by a reset.
  void close();
  void reset();
  // Does nothing for a while, less if the server is ending.
  void wait(std::chrono::milliseconds time);
  bool closed() const { return closed_; }

 private:
  friend class Server;
  Server& server_;
  int fd_;
  bool closed_ = false;
};

class Server {
 public:
  // Looks at each request first: true if it has answered it itself.
  using Hook = std::function<bool(const ServerRequest&, ServerConnection&)>;

  explicit Server(std::string content, Hook hook = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url(const std::string& path = "/model.bbz") const;
  int port() const { return port_; }

  // Serves another file from now on.
  void replace(std::string content, std::string etag);

  // Gives the proper answer, of which only the first `most` bytes of the body are sent, with a
  // pause after every 64 KiB.
  void serve(const ServerRequest& request, ServerConnection& connection,
             std::uint64_t most = UINT64_MAX, std::chrono::milliseconds pause = {});
  // A head with this status line and fields, and the usual ones of the file.
  std::string head(const std::string& status, const std::string& fields) const;

  std::vector<ServerRequest> requests() const;
  std::size_t request_count() const { return request_count_; }
  std::size_t connection_count() const { return connection_count_; }
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  friend class ServerConnection;

  void accept_all();
  void talk(int fd);
  std::optional<ServerRequest> receive(int fd, std::string& buffer);

  Hook hook_;
  int listener_ = -1;
  int port_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable ending_changed_;
  bool ending_ = false;
  std::string content_;
  std::string etag_ = "\"one\"";
  std::vector<ServerRequest> requests_;
  std::vector<int> open_;
  std::atomic<std::size_t> request_count_{0};
  std::atomic<std::size_t> connection_count_{0};
  std::atomic<std::uint64_t> body_bytes_{0};
  std::list<std::thread> threads_;
  std::thread accepting_;
};

}  // namespace bbz::http
