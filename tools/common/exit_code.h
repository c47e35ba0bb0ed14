// The exit codes of the tools. Every --help and man page lists them.
#pragma once

#include "bbz/base/error.h"

namespace bbz::tools {

// The exit codes.
enum class ExitCode : int {
  kSuccess = 0,
  // The answer is no: other content than expected, nothing of that name, or something was left out.
  kNo = 1,
  kUsage = 2,        // the command line, or options that do not go together
  kCorrupt = 3,      // input that is damaged, unsafe or over a limit
  kUnsupported = 4,  // a newer version, or more than this machine has, is needed
  kIo = 5,           // the system or the network failed: a full disk, no permission
  kExists = 6,       // refused: an output is already there
  kInternal = 7,     // a defect of bbz
};

// Returns the exit code for the error code of a failed command.
constexpr ExitCode exit_code(Code code) {
  switch (code) {
    case Code::kOk:
      return ExitCode::kSuccess;
    case Code::kNotFound:
    case Code::kDigestMismatch:
      return ExitCode::kNo;
    case Code::kInvalidArgument:
      return ExitCode::kUsage;
    case Code::kNotAnArchive:
    case Code::kTruncated:
    case Code::kChecksum:
    case Code::kMalformed:
    case Code::kLimit:
    case Code::kUnsafePath:
      return ExitCode::kCorrupt;
    case Code::kUnsupported:
      return ExitCode::kUnsupported;
    case Code::kIo:
    case Code::kCancelled:
    case Code::kOutOfMemory:
      return ExitCode::kIo;
    case Code::kExists:
      return ExitCode::kExists;
    case Code::kInternal:
      break;
  }
  return ExitCode::kInternal;
}

// An exit code as --help and man pages list it.
struct ExitCodeMeaning {
  int code;
  const char* meaning;
};

// The list of --help and the man pages.
inline constexpr ExitCodeMeaning kExitCodes[] = {
    {0, "Success."},
    {1,
     "The answer is no: other content than expected, nothing of that name, or something was left "
     "out "
     "of an archive (--skip-unreadable)."},
    {2, "Usage: a wrong option, or options that do not go together."},
    {3, "Corrupt input: damaged, truncated, unsafe or over a limit."},
    {4,
     "Unsupported: the input needs a newer version, or the command needs what this machine, this "
     "build or this input lacks."},
    {5,
     "Input or output failed: a full disk, no permission, a network that failed, a file that "
     "changed while it was read, here or on the server."},
    {6, "Refused: an output already exists."},
    {7, "A defect of the program itself."},
};

}  // namespace bbz::tools
