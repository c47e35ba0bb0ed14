#include "bbz/base/error.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace bbz {
namespace {

constexpr std::array<std::string_view, 16> kNames = {
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
};

}  // namespace

std::string_view code_name(Code code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "unknown";
}

namespace internal {

void end_without_value(const Error& error) {
  const std::string_view code = code_name(error.code);
  std::fprintf(stderr, "bbz: the value of a Result was taken that holds an error: %s (%.*s)\n",
               error.message.c_str(), static_cast<int>(code.size()), code.data());
  std::abort();
}

void end_without_error() {
  std::fputs("bbz: the error of a Result was taken that holds none\n", stderr);
  std::abort();
}

}  // namespace internal

Error error_with_message(Code code, std::string message) {
  return Error{code, std::move(message)};
}

}  // namespace bbz
