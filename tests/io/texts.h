// Texts as bytes, and what to do with an output that exists, for the tests of this room.
#pragma once

#include <span>
#include <string_view>

#include "bbz/base/checked.h"
#include "bbz/io/sink.h"

namespace bbz::io {

inline Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline constexpr OutputOptions kReplace{.replace = true};
inline constexpr OutputOptions kKeep{.replace = false};

}  // namespace bbz::io
