// The time that an output states, which SOURCE_DATE_EPOCH sets so that the same input gives the same output.
#pragma once

#include <string>

#include "bbz/base/error.h"

namespace bbz::tools {

// Returns whether SOURCE_DATE_EPOCH is set: then outputs have nothing that differs from run to run.
bool is_time_given();

// Returns the time of an output, "2026-12-01T11:30:00Z": that of SOURCE_DATE_EPOCH, if it is set, or now.
// Errors: kInvalidArgument if that is no number of seconds before the year 10000.
Result<std::string> time_of_output();

}  // namespace bbz::tools
