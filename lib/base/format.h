// make_error: an Error whose message is formatted by {fmt}. Internal: public headers do not include
// it, so that users of the library need no fmt.
#pragma once

#include <fmt/format.h>

#include "bbz/base/error.h"

namespace bbz {

template <class... Args>
Error make_error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return error_with_message(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace bbz
