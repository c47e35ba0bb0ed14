// make_error: an Error whose message is formatted by {fmt}. Internal: public headers do not include
// it, so that users of the library need no fmt.
#pragma once

#include <fmt/core.h>

#include "bbz/base/error.h"

namespace bbz {

template <class... Args>
Error make_error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return error_with_message(code, fmt::format(format, std::forward<Args>(args)...));
}

// An Error with what can be done about it.
template <class... Args>
Error make_error(Code code, Remedy remedy, fmt::format_string<Args...> format, Args&&... args) {
  Error error = make_error(code, format, std::forward<Args>(args)...);
  error.remedy = remedy;
  return error;
}

}  // namespace bbz
