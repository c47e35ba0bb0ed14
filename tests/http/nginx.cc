#include "http/nginx.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace bbz::http {
namespace {

constexpr char kProgram[] = "/usr/sbin/nginx";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

// Asks for `path` and waits for the end of the answer; whether somebody answered.
bool ask(int port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  bool answered = false;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    answered = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0;
    char part[4096];
    while (::recv(fd, part, sizeof part, 0) > 0) continue;
  }
  ::close(fd);
  return answered;
}

}  // namespace

bool Nginx::is_there() {
  return ::access(kProgram, X_OK) == 0;
}

void Nginx::make_certificate(const std::string& file, const std::string& name) {
  const bool address = name.find_first_not_of("0123456789.") == std::string::npos;
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
      "-addext subjectAltName=" +
      std::string(address ? "IP:" : "DNS:") + name + " -keyout '" + file + ".key' -out '" + file +
      "' 2> /dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

Nginx::Nginx(const std::string& root, const std::string& certificate) {
  const auto place = [&](const std::string& name) { return dir_ / name; };
  for (int attempt = 0; attempt < 5; ++attempt) {  // another program may take the port
    port_ = free_port();
    std::string config = "daemon off; master_process off; worker_processes 1;\n";
    config += "pid " + place("pid") + "; error_log " + place("error.log") + ";\n";
    config += "events { worker_connections 64; }\nhttp {\n";
    config += "log_format counted '$status $body_bytes_sent $connection $uri \"$http_range\"';\n";
    config += "access_log " + place("access.log") + " counted;\n";
    for (const std::string kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      config += kind + "_temp_path " + place(kind) + ";\n";
    }
    const std::string here = "127.0.0.1:" + std::to_string(port_);
    config += "server { listen " + here + "; root " + root + ";\n";
    if (!certificate.empty()) {
      secure_port_ = free_port();
      config += "listen 127.0.0.1:" + std::to_string(secure_port_) + " ssl;\n";
      config += "ssl_certificate " + certificate + ";\n";
      config += "ssl_certificate_key " + certificate + ".key;\n";
      config += "location ~ ^/plain/(.*)$ { return 302 http://" + here + "/$1; }\n";
    }
    config += "location /mark { return 204; } } }\n";
    io::write_text(place("nginx.conf"), config);
    child_ = ::fork();
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGTERM);
      const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
      for (const int fd : {0, 1, 2}) ::dup2(null, fd);
      ::execl(kProgram, "nginx", "-c", place("nginx.conf").c_str(), "-p", dir_.path().c_str(), "-e",
              place("error.log").c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 12'000; ++i) {
      if (ask(port_, "/mark-0")) return;
      int status = 0;
      if (::waitpid(child_, &status, WNOHANG) == child_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  throw std::runtime_error("nginx does not start: " + io::read_text(place("error.log")));
}

Nginx::~Nginx() {
  ::kill(child_, SIGTERM);
  ::waitpid(child_, nullptr, 0);
}

std::string Nginx::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + path;
}

std::string Nginx::secure_url(const std::string& path) const {
  return "https://127.0.0.1:" + std::to_string(secure_port_) + "/" + path;
}

std::vector<Nginx::Entry> Nginx::take_log() {
  const std::string mark = "/mark-" + std::to_string(++marks_);
  ask(port_, mark);
  std::string text = io::read_text(dir_ / "access.log");
  for (int i = 0; text.find(mark + " ") == std::string::npos; ++i) {
    if (i == 12'000) throw std::runtime_error("nginx does not log " + mark);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    text = io::read_text(dir_ / "access.log");
  }
  std::istringstream lines(text.substr(taken_));
  taken_ = text.size();
  std::vector<Entry> log;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Entry entry;
    std::string uri;
    words >> entry.status >> entry.bytes >> entry.connection >> uri;
    std::getline(words, entry.range);
    if (!uri.starts_with("/mark-")) log.push_back(entry);
  }
  return log;
}

std::uint64_t Nginx::total_bytes(const std::vector<Entry>& log) {
  std::uint64_t total = 0;
  for (const Entry& entry : log) total += entry.bytes;
  return total;
}

}  // namespace bbz::http
