// The option --base of the commands that read or write archives relative to a base.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bbz/archive/base.h"
#include "common/network.h"
#include "common/options.h"
#include "common/program.h"

namespace bbz::tools {

// The values of the options.
struct BaseArguments {
  std::vector<std::string> places;  // files, directories and URLs
};

// Adds --base, for a command that reads archives.
void add_base_option(Options& options, BaseArguments& arguments);

// Returns where to look for tensors on which those of `archive` lean: at the places of --base, and then at
// those of the environment variable BBZ_BASE_PATH, files and directories between colons. Returns null
// if there are none. Opens nothing yet.
std::shared_ptr<Base> make_base(const BaseArguments& arguments, const std::string& archive,
                                const NetworkArguments& network, unsigned threads,
                                const Limits& limits);

// Returns where to look for tensors on which those of a new archive can lean: at the places of --base. For
// archives there that lean themselves, also at those of BBZ_BASE_PATH. Returns null if there is no --base.
std::shared_ptr<Base> make_base_to_write(const BaseArguments& arguments,
                                         const NetworkArguments& network, unsigned threads);

}  // namespace bbz::tools
