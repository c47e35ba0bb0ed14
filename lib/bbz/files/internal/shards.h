// Checks that the files which the index of a sharded model (*.index.json) names are present.
#pragma once

#include <functional>

#include "bbz/files/source_file.h"

namespace bbz::files {

// Returns whether a path ends in .index.json.
bool is_shard_index(std::string_view path);

// Returns a message about the files that an index names and that are not `there`. `there` gets
// paths relative to the directory of the index. Returns an empty string if none is missing, or if
// the file cannot be read, is not such an index or has more than 16 MiB.
std::string missing_shards(io::Source& index, const std::function<bool(const std::string&)>& there);

}  // namespace bbz::files
