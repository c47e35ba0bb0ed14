// Opens models that the user names: a file, a directory, or the URL of a file.
#pragma once

#include <string>

#include "bbz/access/model/model.h"
#include "common/acceptance.h"
#include "common/base_options.h"
#include "common/network.h"

namespace bbz::tools {

// Opens a model and, if it is an archive, checks that the user accepts it. `threads` is as in
// model::open(). Errors: those of model::open() and open_source(); kDigestMismatch;
// kInvalidArgument if a root digest is expected and the model is not an archive. All errors, also
// those of load(), name the model.
Result<model::Model> open_model(const std::string& name, const NetworkArguments& network,
                                unsigned threads, const Acceptance& acceptance,
                                const BaseArguments& base = {});

}  // namespace bbz::tools
