// JSON as the tools print it: indented, its fields in the order in which they were set.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/say.h"

namespace bbz::tools {

using Json = nlohmann::ordered_json;

// To standard output. ASCII alone, so that no name can do anything to a terminal; strings need not
// be UTF-8, as names of files on a disk are not.
inline void write_json(const Json& json) {
  put("{}\n", json.dump(2, ' ', true, Json::error_handler_t::replace));
}

}  // namespace bbz::tools
