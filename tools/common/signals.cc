#include <csignal>

#include "bbz/io/atomic_file.h"
#include "common/output_folder.h"
#include "common/program.h"

namespace bbz::tools {
namespace {

// The process still dies of the signal, so that a shell sees it (as 130 for SIGINT, 143 for
// SIGTERM), and a loop in a script stops too.
extern "C" void end_by_signal(int number) {
  bbz::io::remove_unfinished_files();
  remove_unfinished_folders();
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(number, &action, nullptr);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, number);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(number);
}

// Returns whether a process continues if it does not handle the signal, or cannot handle it.
bool is_harmless(int number) {
  switch (number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGCONT:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return true;
    default:
      return false;
  }
}

// Returns whether the signal reports a defect, to the thread that has it.
bool is_fault(int number) {
  switch (number) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGABRT:
    case SIGSYS:
    case SIGTRAP:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<int> handled_signals_from_outside() {
  std::vector<int> numbers;
  for (int number = 1; number <= SIGRTMAX; ++number) {
    struct sigaction action {};
    if (is_fault(number) || ::sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler == end_by_signal) numbers.push_back(number);
  }
  return numbers;
}

void handle_signals() {
  for (int number = 1; number <= SIGRTMAX; ++number) {
    if (is_harmless(number)) continue;
    struct sigaction old {};
    if (::sigaction(number, nullptr, &old) != 0) continue;  // used by the C library itself
    // A signal that is ignored from outside (nohup) stays ignored. A sanitizer keeps its own
    // handlers.
    const bool is_default = (old.sa_flags & SA_SIGINFO) == 0 && old.sa_handler == SIG_DFL;
    if (!is_default && number != SIGPIPE) continue;
    struct sigaction action {};
    action.sa_handler = end_by_signal;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
  }
  // A file over the size limit is an error like a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace bbz::tools
