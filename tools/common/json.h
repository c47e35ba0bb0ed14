// JSON as the tools print it: indented, with fields in the order in which they were set.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/say.h"

namespace bbz::tools {

// A JSON value that keeps the order of its fields.
using Json = nlohmann::ordered_json;

// Returns an error as --json prints it.
inline Json json_error(const Error& error) {
  return {{"code", code_name(error.code)}, {"message", error.message}};
}

// Writes to standard output, in ASCII only, so that no name can affect a terminal. Strings need not
// be UTF-8, because names of files on a disk need not be.
inline void write_json(const Json& json) {
  put("{}\n", json.dump(2, ' ', true, Json::error_handler_t::replace));
}

}  // namespace bbz::tools
