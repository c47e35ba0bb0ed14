#include <csignal>

#include "bbz/io/atomic_file.h"
#include "common/program.h"

namespace bbz::tools {
namespace {

// The process still dies of the signal, so that a shell sees it (as 130 for SIGINT, 143 for
// SIGTERM) and a loop in a script stops too.
extern "C" void end_by_signal(int number) {
  bbz::io::remove_unfinished_files();
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, nullptr);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, number);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(number);
}

}  // namespace

void handle_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction old {};
    ::sigaction(number, nullptr, &old);
    // One that is ignored from outside (nohup) stays ignored.
    if (number != SIGPIPE && old.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = end_by_signal;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
  }
  // A file over the size limit is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace bbz::tools
