#include "bbz/base/error.h"

#include <unistd.h>

#include <array>
#include <cstdlib>

#include "bbz/base/names.h"

namespace bbz {
namespace {

constexpr std::array<std::string_view, 17> kNames = {
    "ok",
    "invalid-argument",
    "io",
    "not-an-archive",
    "truncated",
    "checksum",
    "malformed",
    "unsupported",
    "limit",
    "not-found",
    "exists",
    "unsafe-path",
    "digest-mismatch",
    "cancelled",
    "internal",
    "out-of-memory",
    "base",
};

}  // namespace

std::string_view code_name(Code code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "unknown";
}

namespace internal {
namespace {

// Writes a last line to standard error, if it can be written, and aborts.
[[noreturn]] void end_program(std::string_view line) {
  while (!line.empty()) {
    const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) break;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
  std::abort();
}

}  // namespace

void end_without_value(const Error& error) {
  std::string line = "bbz: value() was called on a Result that holds an error: " + error.message;
  line.append(" (").append(code_name(error.code)).append(")\n");
  end_program(line);
}

void end_without_error() {
  end_program("bbz: error() was called on a Result that holds a value\n");
}

}  // namespace internal

Error error_with_message(Code code, const std::string& message) {
  return Error{code, printable(message)};
}

}  // namespace bbz
