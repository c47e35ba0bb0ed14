// The registry of the names that must not outlive the process. Internal to the room.
#pragma once

#include <cstddef>
#include <string>

namespace bbz::io {

// ".bbz-", 16 hexadecimal digits, ".tmp".
inline constexpr std::size_t kTemporaryNameLength = 5 + 16 + 4;

// Registers the entry `name` of a directory that stays open until it is released, before it
// exists. Returns its slot, or -1 if all are taken: then a signal leaves the file, and a later
// process removes it.
int register_temporary(int directory, const std::string& name);
void release_temporary(int slot);

// Reports whether remove_unfinished_files() was called.
bool is_cancelled();

}  // namespace bbz::io
