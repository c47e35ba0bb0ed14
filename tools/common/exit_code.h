// The exit codes of the tools. Every --help and man page lists them.
#pragma once

#include "bbz/base/error.h"

namespace bbz::tools {

// The exit codes.
enum class ExitCode : int {
  kSuccess = 0,
  // The answer is no: other content than expected, nothing of that name, models that differ,
  // a gate that failed, nothing to rotate, or something was left out.
  kNo = 1,
  kUsage = 2,        // the command line, or options that cannot be combined
  kCorrupt = 3,      // input that is damaged, unsafe or over a limit
  kUnsupported = 4,  // a newer version, or more than this machine has, is needed
  kIo = 5,           // the system or the network failed: a full disk, no permission
  kExists = 6,       // refused: an output is already there
  kInternal = 7,     // a defect of bbz
  kBase = 8,         // the base that an archive leans on is another, is damaged, or lacks a tensor
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
    case Code::kBase:
      return ExitCode::kBase;
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
     "The answer is no: the content is not the expected one, a file or name was not found, "
     "models differ by more than a --max option of compare allows, a --gate of report failed, "
     "nothing can be rotated, "
     "or --skip-unreadable left something out."},
    {2, "Usage: a wrong option, or options that cannot be combined."},
    {3, "Corrupt input: damaged, truncated, unsafe or over a limit."},
    {4,
     "Unsupported: the input needs a newer version of bbz, "
     "or the command needs something that this machine, this build or this input does not have."},
    {5,
     "Input or output failed: a full disk, no permission, no memory, a network failure, "
     "or a file, here or on the server, that changed while it was read."},
    {6, "Refused: an output already exists, or the directory to mount on is not empty."},
    {7, "A bug in the program itself."},
    {8,
     "The base of an archive is another one, is damaged, or lacks a tensor; "
     "this says nothing of the archive itself."},
};

}  // namespace bbz::tools
