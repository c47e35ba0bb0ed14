// Models that the user names: a file, a folder, or the URL of a file.
#pragma once

#include <string>

#include "bbz/access/model/model.h"
#include "common/acceptance.h"
#include "common/network.h"

namespace bbz::tools {

// Opens a model, of which only what the user accepts is taken if it is an archive. `threads` as in
// model::open(), whose errors it gives, and those of open_source(); kInvalidArgument if a root
// digest is expected of what is no archive. The errors, also those of load(), name the model.
Result<model::Model> open_model(const std::string& name, const NetworkArguments& network,
                                unsigned threads, const Acceptance& acceptance);

}  // namespace bbz::tools
