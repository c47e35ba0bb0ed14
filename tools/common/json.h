// JSON as the tools print it: indented, its fields in the order in which they were set.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/say.h"

namespace bbz::tools {

using Json = nlohmann::ordered_json;

// Returns an error as it stands in what --json prints.
inline Json json_error(const Error& error) {
  return {{"code", code_name(error.code)}, {"message", error.message}};
}

// Writes to standard output, in ASCII alone, so that no name can do anything to a terminal. Strings
// need not be UTF-8, as names of files on a disk are not.
inline void write_json(const Json& json) {
  put("{}\n", json.dump(2, ' ', true, Json::error_handler_t::replace));
}

}  // namespace bbz::tools
