// Sums and largest numbers of what a report does not list.
#pragma once

#include "common/json.h"

namespace bbz::tools {

// Adds a whole number to a field of an object, up to the largest one: some come from records that anybody may
// write. Does nothing if it is another value.
void add_number(Json& sum, const char* field, const Json& number);

// Keeps the larger one of a field, which may be missing, and a number. Does nothing if it is another value.
void keep_largest(Json& sum, const char* field, const Json& number);

}  // namespace bbz::tools
