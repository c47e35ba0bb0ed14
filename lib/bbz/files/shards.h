// The index of a sharded model (*.index.json), whose "weight_map" names the file of each tensor.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "bbz/files/source_file.h"

namespace bbz::files {

// Returns whether a path ends in .index.json.
bool is_shard_index(std::string_view path);

// Returns a message about the files that an index names and that are not `there`. `there` gets
// paths relative to the directory of the index. Returns an empty string if none is missing, or if
// the file cannot be read, is not such an index or has more than 16 MiB.
std::string missing_shards(io::Source& index, const std::function<bool(const std::string&)>& there);

// Gives the new path of a file, or nullopt if it keeps its path. Paths are relative to the directory
// of the index.
using RenameShard = std::function<std::optional<std::string>(const std::string&)>;

// Returns the text of an index in which the files have their new paths. All else has the same values,
// sorted by their keys. Returns nullopt if no file has a new path, or if the file is
// not such an index, has more than 16 MiB or is nested more than 16 deep. Errors: those of the source.
Result<std::optional<std::string>> rename_shards(io::Source& index, const RenameShard& renamed);

}  // namespace bbz::files
