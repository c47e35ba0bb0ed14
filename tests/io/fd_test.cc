#include "bbz/io/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace bbz::io {
namespace {

// A pipe that is full but for what a test reads from it.
class FullPipe {
 public:
  FullPipe() {
    EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
    ::fcntl(ends_[1], F_SETPIPE_SZ, 4096);
    ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
    const std::string page(4096, 'x');
    for (ssize_t n = 0; (n = ::write(ends_[1], page.data(), page.size())) > 0;) {
      filled_ += static_cast<std::size_t>(n);
    }
  }
  ~FullPipe() {
    ::close(ends_[0]);
    end();
  }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  int writable() const { return ends_[1]; }
  void end() {
    if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
  }
  void let_block() { ::fcntl(ends_[1], F_SETFL, 0); }

  // Reads what it was filled with and then so many bytes more, which it returns.
  std::string read(std::size_t size) {
    std::string text(filled_ + size, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::read(ends_[0], text.data() + done, text.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    return text.substr(0, done).substr(std::min(filled_, done));
  }

 private:
  int ends_[2];
  std::size_t filled_ = 0;
};

std::string some_text() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i) + "\n";
  return text;
}

extern "C" void do_nothing(int) {}

TEST(Fd, WritesOnAfterASignal) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = do_nothing;  // without SA_RESTART
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  FullPipe pipe;
  pipe.let_block();
  const std::string text = some_text();
  Status written;
  std::thread writer([&] {
    written = write_fully(pipe.writable(), std::as_bytes(std::span(text)), "pipe");
    pipe.end();
  });
  // The first of them come while write waits and has written nothing.
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::pthread_kill(writer.native_handle(), SIGUSR1);
  }
  std::thread interrupter([&] {
    for (int i = 0; i < 50; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      ::pthread_kill(writer.native_handle(), SIGUSR1);
    }
  });
  const std::string found = pipe.read(text.size());
  interrupter.join();
  writer.join();
  EXPECT_TRUE(written.ok()) << written.error().message;
  EXPECT_TRUE(found == text);
  ::sigaction(SIGUSR1, &before, nullptr);
}

TEST(Fd, WaitsForADescriptorThatDoesNotBlock) {
  FullPipe pipe;
  const std::string text = some_text();
  Status written;
  std::thread writer([&] {
    written = write_fully(pipe.writable(), std::as_bytes(std::span(text)), "pipe");
    pipe.end();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(pipe.read(text.size()) == text);
  writer.join();
  EXPECT_TRUE(written.ok());
}

TEST(Fd, NamesAFileSystemWhoseProcessHasEnded) {
  const Error error = system_error(ENOTCONN, "cannot open", "m");
  EXPECT_EQ(error.code, Code::kIo);
  EXPECT_EQ(error.remedy, Remedy::kRemount);
  EXPECT_NE(error.message.find("the process that serves the mounted file system has ended"),
            std::string::npos);
}

}  // namespace
}  // namespace bbz::io
