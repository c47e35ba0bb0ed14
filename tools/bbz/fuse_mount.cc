#include "bbz/fuse_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bbz/base/format.h"
#include "bbz/file_system.h"
#include "bbz/io/fd.h"
#include "bbz/mount_log.h"
#include "common/program.h"
#include "common/say.h"

namespace bbz::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::array kEndingSignals = {SIGHUP, SIGINT, SIGTERM};

// The session that signals end, and the signal that ended it, if it is one that libfuse does not
// handle. A process has one mount.
std::atomic<::fuse_session*> served_session = nullptr;
::pthread_t serving_thread;
volatile std::sig_atomic_t ended_by = 0;

// Ends the loop as libfuse's own handlers do, so that signals which libfuse does not handle unmount
// too.
extern "C" void end_session(int number) {
  ended_by = number;
  if (::fuse_session* const session = served_session) ::fuse_session_exit(session);
  // The loop waits in the thread that began it, and wakes up only there.
  if (::pthread_equal(::pthread_self(), serving_thread) == 0)
    ::pthread_kill(serving_thread, number);
}

// Returns the signals that end a mount, besides those of libfuse. Precondition of the first call:
// end_session() does not handle any yet.
const std::vector<int>& other_ending_signals() {
  static const std::vector<int> numbers = handled_signals_from_outside();
  return numbers;
}

// Ends the process by the signal that ended the mount, unless libfuse handles it.
void die_of_signal() {
  if (ended_by == 0) return;
  ::signal(ended_by, SIG_DFL);
  ::raise(ended_by);
}

// The messages of libfuse while it mounts, for our error. libfuse has one log function for a
// process.
std::string& fuse_words() {
  static std::string words;
  return words;
}

void note_words(::fuse_log_level, const char* format, std::va_list arguments) {
  char line[512];
  if (std::vsnprintf(line, sizeof line, format, arguments) > 0) fuse_words() += line;
}

// The log of the mount that is served. It is global for the same reason.
MountLog* served_log = nullptr;

void log_words(::fuse_log_level, const char* format, std::va_list arguments) {
  char line[512];
  if (std::vsnprintf(line, sizeof line, format, arguments) > 0) served_log->say(line);
}

Error mount_error(const std::string& folder) {
  std::string words = fuse_words();
  while (words.ends_with('\n')) words.pop_back();
  return make_error(Code::kIo, "{}: cannot mount: {}", folder,
                    words.empty() ? "the system gives no reason" : words);
}

// Checks the directory, and returns an absolute path of it.
Result<std::string> check_folder(const std::string& folder) {
  std::error_code error;
  const fs::path path = fs::canonical(folder, error);
  if (error) return io::system_error(error.value(), "cannot mount", folder);
  const bool is_folder = fs::is_directory(path, error);
  if (error) return io::system_error(error.value(), "cannot mount", folder);
  if (!is_folder) {
    return make_error(Code::kInvalidArgument, "{}: cannot mount: not a directory", folder);
  }
  const bool empty = fs::is_empty(path, error);
  if (error) return io::system_error(error.value(), "cannot mount", folder);
  if (!empty) {
    return make_error(
        Code::kExists,
        "{}: cannot mount: the directory is not empty, and its contents would be hidden", folder);
  }
  return path.string();
}

// Makes the system read ahead half a chunk for sequential readers. It would read 128 KiB ahead, and
// a file system can only lower that, but root may raise it for a device. Applies to files that are
// opened from then on.
void raise_read_ahead(const std::string& folder) {
  constexpr int kKibibytes = 512;
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  std::string device;
  while (std::getline(mounts, line)) {  // number, parent, device, root, directory, ...
    std::istringstream fields(line);
    std::string number, parent, its_device, root, its_folder;
    fields >> number >> parent >> its_device >> root >> its_folder;
    if (its_folder == folder) device = its_device;
  }
  if (!device.empty()) std::ofstream("/sys/class/bdi/" + device + "/read_ahead_kb") << kKibibytes;
}

// Blocks the signals that end a mount in threads that are started during its life. So these signals
// reach only the thread that made it, and wake the loop there.
class SignalsHeldBack {
 public:
  SignalsHeldBack() {
    ::sigset_t held;
    ::sigemptyset(&held);
    for (const int number : kEndingSignals) ::sigaddset(&held, number);
    for (const int number : other_ending_signals()) ::sigaddset(&held, number);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeldBack() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeldBack(const SignalsHeldBack&) = delete;
  SignalsHeldBack& operator=(const SignalsHeldBack&) = delete;

 private:
  ::sigset_t before_;
};

class Session {
 public:
  // Mounts nothing yet. session_ is null if libfuse does not accept the options.
  Session(FileSystem& files, const MountOptions& options) {
    // A name may contain commas, which would end the option.
    char* list = nullptr;
    ::fuse_opt_add_opt(&list, "ro,nosuid,nodev,default_permissions,subtype=bbz");
    if (options.allow_other) ::fuse_opt_add_opt(&list, "allow_other");
    ::fuse_opt_add_opt_escaped(&list, ("fsname=" + options.archive).c_str());
    ::fuse_args arguments{};
    for (const char* const argument : {"bbz", "-o", static_cast<const char*>(list)}) {
      ::fuse_opt_add_arg(&arguments, argument);
    }
    const ::fuse_lowlevel_ops& operations = FileSystem::operations();
    session_ = ::fuse_session_new(&arguments, &operations, sizeof operations, &files);
    ::fuse_opt_free_args(&arguments);
    ::free(list);
  }
  ~Session() {
    if (session_ == nullptr) return;
    served_session = nullptr;
    if (mounted_) ::fuse_session_unmount(session_);
    if (handles_signals_) ::fuse_remove_signal_handlers(session_);
    ::fuse_session_destroy(session_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Mounts. From here on, signals end the loop and so the mount.
  bool mount(const std::string& folder) {
    if (session_ == nullptr) return false;
    for (const int number : {SIGHUP, SIGINT, SIGTERM, SIGPIPE}) {
      struct ::sigaction old {};
      ::sigaction(number, nullptr, &old);
      // libfuse leaves an ignored signal alone.
      if (old.sa_handler != SIG_IGN) ::signal(number, SIG_DFL);
    }
    served_session = session_;
    serving_thread = ::pthread_self();
    for (const int number : other_ending_signals()) {
      struct ::sigaction action {};
      action.sa_handler = end_session;
      ::sigaction(number, &action, nullptr);
    }
    handles_signals_ = ::fuse_set_signal_handlers(session_) == 0;
    mounted_ = handles_signals_ && ::fuse_session_mount(session_, folder.c_str()) == 0;
    return mounted_;
  }

  // Answers requests on several threads until the mount ends. Errors: kIo.
  Status loop() {
    const std::unique_ptr<::fuse_loop_config, decltype(&::fuse_loop_cfg_destroy)> config(
        ::fuse_loop_cfg_create(), &::fuse_loop_cfg_destroy);
    ::fuse_loop_cfg_set_max_threads(config.get(), 16);
    const int result = ::fuse_session_loop_mt(session_, config.get());
    if (result < 0) return io::system_error(-result, "cannot continue", "mount");
    return {};  // the mount was unmounted, or a signal ended the loop
  }

 private:
  ::fuse_session* session_ = nullptr;
  bool handles_signals_ = false;
  bool mounted_ = false;
};

// The process that serves in the background, as parent and child use it.
class Background {
 public:
  // Returns true in the parent, false in the child.
  Result<bool> split() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return io::system_error(errno, "cannot create", "pipe");
    io::Fd read(ends[0]);
    io::Fd write(ends[1]);
    (void)flush_output();
    child_ = ::fork();
    if (child_ < 0) return io::system_error(errno, "cannot start", "background process");
    if (child_ != 0) {
      pipe_ = std::move(read);
      return true;
    }
    ::setsid();
    pipe_ = std::move(write);
    return false;
  }

  // Called in the child when the files are there. Leaves the terminal and the current directory.
  void tell() {
    const io::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int fd : {0, 1, 2}) ::dup2(nothing.get(), fd);
    if (::chdir("/") != 0) return;
    const char byte = 1;
    if (::write(pipe_.get(), &byte, 1) == 1) pipe_.reset();
  }

  // Called in the parent: waits for tell(). Returns false if the child ended instead, which has
  // said why.
  bool wait() {
    char byte = 0;
    while (true) {
      const ssize_t n = ::read(pipe_.get(), &byte, 1);
      if (n >= 0) return n == 1;
      if (errno != EINTR) return false;
      ::kill(child_, SIGTERM);  // a signal that ends this process ends the mount
    }
  }

 private:
  io::Fd pipe_;
  ::pid_t child_ = 0;
};

}  // namespace

Result<MountOutcome> mount_archive(const Reader& reader, const MountOptions& options) {
  BBZ_ASSIGN(const std::string folder, check_folder(options.folder));
  BBZ_ASSIGN(const view::Tree tree, view::Tree::make(reader.catalog()));

  Background background;
  BBZ_ASSIGN(const auto log,
             MountLog::open(options.archive, options.log, reader.source().file_status()));
  FileSystem::Settings settings;
  settings.owner = ::getuid();
  settings.group = ::getgid();
  settings.time = options.time;
  settings.report = [&](const std::string& path, const Error& error) { log->report(path, error); };
  if (!options.foreground) {
    settings.begun = [&] {
      log->leave_terminal();
      background.tell();
    };
  }
  settings.opening = [&] { raise_read_ahead(folder); };
  FileSystem files(reader.catalog(), tree, std::move(settings));

  ::fuse_set_log_func(note_words);
  auto session = std::make_unique<Session>(files, options);
  if (!session->mount(folder)) return mount_error(options.folder);
  served_log = log.get();
  ::fuse_set_log_func(log_words);

  MountOutcome outcome;
  if (!options.foreground) {
    BBZ_ASSIGN(outcome.in_parent, background.split());
    if (outcome.in_parent) {
      (void)session.release();  // the session is the child's, whose mount must not end here
      if (background.wait()) return outcome;
      die_of_signal();
      return make_error(Code::kIo, "{}: the process that serves it has ended", options.folder);
    }
  }
  std::optional<view::ArchiveView> view;
  {
    const SignalsHeldBack held;
    view.emplace(reader, options.view);
  }
  const auto counters = [&] {
    return MountCounters{view->counters(), files.counters().read_bytes,
                         files.counters().read_errors};
  };
  if (options.serving) options.serving(counters);
  files.serve_from(*view);
  const Status served = session->loop();
  session.reset();
  files.close_all();
  ::fuse_set_log_func(note_words);
  if (options.ended) options.ended();
  die_of_signal();
  if (!served.ok() && (!options.foreground || !options.log.empty())) {
    log->say(served.error().message);
  }
  BBZ_TRY(served);
  outcome.counters = counters();
  return outcome;
}

}  // namespace bbz::tools
