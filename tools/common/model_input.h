// Models that the user names: a file, a folder, or the URL of a file.
#pragma once

#include <string>

#include "bbz/weights/model.h"
#include "common/network.h"

namespace bbz::tools {

// `threads` as in weights::open(), whose errors it gives, and those of open_source().
Result<weights::Model> open_model(const std::string& name, const NetworkArguments& network,
                                  unsigned threads);

}  // namespace bbz::tools
