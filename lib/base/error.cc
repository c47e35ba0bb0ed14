#include "bbz/base/error.h"

#include <array>

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

Error error_with_message(Code code, std::string message) {
  return Error{code, std::move(message)};
}

}  // namespace bbz
