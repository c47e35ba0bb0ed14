// Formats the messages of errors with {fmt}. Public headers do not include this file, so users of
// the library do not need fmt.
#pragma once

#include <fmt/core.h>

#include "bbz/base/error.h"

namespace bbz {

// Makes an Error without a remedy from a formatted message, which is escaped as
// error_with_message() does it.
template <class... Args>
Error make_error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return error_with_message(code, fmt::format(format, std::forward<Args>(args)...));
}

// Makes an Error with a remedy from a formatted message.
template <class... Args>
Error make_error(Code code, Remedy remedy, fmt::format_string<Args...> format, Args&&... args) {
  Error error = make_error(code, format, std::forward<Args>(args)...);
  error.remedy = remedy;
  return error;
}

}  // namespace bbz
