#include "common/say.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <span>
#include <string>

#include "bbz/base/names.h"
#include "bbz/io/fd.h"

namespace bbz::tools {
namespace {

constexpr std::size_t kBufferSize = std::size_t{1} << 16;

struct Output {
  std::string waiting;
  Status failure;
};

Output& output() {
  static Output output;
  return output;
}

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Appends text with each of its lines made printable.
void append_lines(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += printable(text.substr(0, end));
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Puts "bbz: " before lines that begin with '{'.
void put_apart(std::string& lines) {
  for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
    if (lines[at] == '{') lines.insert(at, "bbz: ");
    if (lines.find('\n', at) == std::string::npos) break;
  }
}

// Whether no line of a message may begin with '{'.
std::atomic<bool> messages_apart = false;

// Blocks the SIGPIPE that this thread's writes raise, and discards it at the end.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const ::timespec at_once{};
    while (!was_pending_ && ::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  ::sigset_t pipe_{};
  ::sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace

void occupy_standard_descriptors() {
  for (const int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // Open it for the direction that nobody uses. The lowest free number is `fd`.
    const int direction = fd == 0 ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", direction) < 0) (void)::open("/", O_PATH);
  }
}

void keep_messages_apart_from_json() {
  messages_apart = true;
}

bool output_is_terminal() {
  static const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  return terminal;
}

bool messages_are_on_terminal() {
  static const bool terminal = ::isatty(STDERR_FILENO) == 1;
  return terminal;
}

std::size_t message_width() {
  ::winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void put_text(std::string_view text) {
  Output& out = output();
  if (!out.failure.ok()) return;
  append_lines(out.waiting, text);
  if (out.waiting.size() >= kBufferSize || output_is_terminal()) (void)flush_output();
}

Status flush_output() {
  Output& out = output();
  if (out.failure.ok() && !out.waiting.empty()) {
    out.failure = io::write_fully(STDOUT_FILENO, bytes_of(out.waiting), "standard output");
  }
  out.waiting.clear();
  return out.failure;
}

void say_text(std::string_view text) noexcept {
  try {
    std::string lines;
    append_lines(lines, text);
    if (messages_apart) put_apart(lines);
    draw_text(lines);
  } catch (...) {  // no memory for it
  }
}

void draw_text(std::string_view text) noexcept {
  const NoSigpipe quietly;
  try {
    (void)io::write_fully(STDERR_FILENO, bytes_of(text), "standard error");
  } catch (...) {  // no memory for the error, which nobody would see
  }
}

}  // namespace bbz::tools
