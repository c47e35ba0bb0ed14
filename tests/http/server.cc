#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace bbz::http {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "bytes=A-B", "bytes=A-" or "bytes=-N".
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(const std::string& value,
                                                                   std::uint64_t size) {
  if (!value.starts_with("bytes=")) return std::nullopt;
  const std::size_t dash = value.find('-');
  const std::string first = value.substr(6, dash - 6);
  const std::string last = value.substr(dash + 1);
  if (first.empty()) {
    const std::uint64_t count = std::strtoull(last.c_str(), nullptr, 10);
    return std::pair{size - std::min(size, count), size};
  }
  const std::uint64_t begin = std::strtoull(first.c_str(), nullptr, 10);
  const std::uint64_t end = last.empty() ? size : std::strtoull(last.c_str(), nullptr, 10) + 1;
  return std::pair{begin, std::min(end, size)};
}

}  // namespace

void ServerConnection::send(std::string_view text) {
  while (!text.empty() && !closed_) {
    const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) {
      closed_ = true;
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void ServerConnection::close() {
  closed_ = true;
}

void ServerConnection::reset() {
  const ::linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  closed_ = true;
}

void ServerConnection::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(server_.mutex_);
  server_.ending_changed_.wait_for(lock, time, [this] { return server_.ending_; });
}

Server::Server(std::string content, Hook hook)
    : hook_(std::move(hook)), content_(std::move(content)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, any, &size) != 0) {
    throw std::runtime_error("cannot listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  accepting_ = std::thread([this] { accept_all(); });
}

Server::~Server() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    ending_changed_.notify_all();
  }
  ::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
}

std::string Server::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void Server::replace(std::string content, std::string etag) {
  const std::lock_guard lock(mutex_);
  content_ = std::move(content);
  etag_ = std::move(etag);
}

std::vector<ServerRequest> Server::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::string Server::head(const std::string& status, const std::string& fields) const {
  const std::lock_guard lock(mutex_);
  return "HTTP/1.1 " + status + "\r\nETag: " + etag_ + "\r\nAccept-Ranges: bytes\r\n" + fields +
         "\r\n";
}

void Server::serve(const ServerRequest& request, ServerConnection& connection, std::uint64_t most,
                   std::chrono::milliseconds pause) {
  std::string body;
  std::string status = "200 OK";
  std::string fields;
  {
    const std::lock_guard lock(mutex_);
    const auto condition = request.fields.find("if-range");
    const bool same = condition == request.fields.end() || condition->second == etag_;
    if (request.range && same && request.range->first >= content_.size()) {
      status = "416 Range Not Satisfiable";
      fields = "Content-Range: bytes */" + std::to_string(content_.size()) + "\r\n";
    } else if (request.range && same) {
      const auto [begin, end] = *request.range;
      status = "206 Partial Content";
      fields = "Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(end - 1) +
               "/" + std::to_string(content_.size()) + "\r\n";
      body = content_.substr(begin, end - begin);
    } else {
      body = content_;
    }
  }
  connection.send(head(status, fields + "Content-Length: " + std::to_string(body.size()) + "\r\n"));
  constexpr std::size_t kStep = 64 * 1024;
  // The bytes that are counted but not sent, because the client has closed, are fewer than this.
  constexpr std::size_t kPart = 8 * 1024;
  std::string_view left = std::string_view(body).substr(0, most);
  for (std::size_t sent = 0; !left.empty() && !connection.closed();) {
    const std::string_view part = left.substr(0, kPart);
    body_bytes_ += part.size();  // before: who has read it all may look at once
    connection.send(part);
    left.remove_prefix(part.size());
    sent += part.size();
    const bool step = sent % kStep == 0 || left.empty();
    if (pause.count() > 0 && step) connection.wait(pause);
  }
}

void Server::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (ending_) {
      if (fd >= 0) ::close(fd);
      return;
    }
    if (fd < 0) continue;
    open_.push_back(fd);
    ++connection_count_;
    threads_.emplace_back([this, fd] { talk(fd); });
  }
}

std::optional<ServerRequest> Server::receive(int fd, std::string& buffer) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    char part[4096];
    const ssize_t n = ::recv(fd, part, sizeof part, 0);
    if (n <= 0) return std::nullopt;
    buffer.append(part, static_cast<std::size_t>(n));
  }
  const std::string text = buffer.substr(0, end + 2);
  buffer.erase(0, end + 4);
  ServerRequest request;
  const std::size_t first = text.find(' ') + 1;
  request.method = text.substr(0, first - 1);
  request.target = text.substr(first, text.find(' ', first) - first);
  for (std::size_t at = text.find("\r\n") + 2; at < text.size();) {
    const std::size_t stop = text.find("\r\n", at);
    const std::size_t colon = text.find(':', at);
    const std::size_t value = text.find_first_not_of(' ', colon + 1);
    request.fields[lower(text.substr(at, colon - at))] = text.substr(value, stop - value);
    at = stop + 2;
  }
  const std::lock_guard lock(mutex_);
  if (const auto range = request.fields.find("range"); range != request.fields.end()) {
    request.range = parse_range(range->second, content_.size());
  }
  request.number = requests_.size();
  requests_.push_back(request);
  ++request_count_;
  return request;
}

void Server::talk(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int few = 16 * 1024;  // so that what was sent is about what has arrived
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
  ServerConnection connection(*this, fd);
  std::string buffer;
  while (!connection.closed()) {
    const auto request = receive(fd, buffer);
    if (!request) break;
    if (!hook_ || !hook_(*request, connection)) serve(*request, connection);
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  ::close(fd);
}

}  // namespace bbz::http
