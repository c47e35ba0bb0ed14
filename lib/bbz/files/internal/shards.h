// The index of a model in several files (*.index.json), and whether all of them are there. Internal
// to the room.
#pragma once

#include <functional>

#include "bbz/files/source_file.h"

namespace bbz::files {

bool is_shard_index(std::string_view path);

// Says which files an index names that are not `there`, by path relative to the index's folder;
// empty if there is none, or if it is no index, or one of more than 16 MiB.
std::string missing_shards(io::Source& index, const std::function<bool(const std::string&)>& there);

}  // namespace bbz::files
