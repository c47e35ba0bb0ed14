// Choices for an output that exists, for the tests of this room.
#pragma once

#include "bbz/io/sink.h"

namespace bbz::io {

inline constexpr OutputOptions kReplace{.replace = true};
inline constexpr OutputOptions kKeep{.replace = false};

}  // namespace bbz::io
