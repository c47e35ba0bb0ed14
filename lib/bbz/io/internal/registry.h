// The registry of named temporaries, which must not outlive the process.
#pragma once

#include <cstddef>
#include <string>

namespace bbz::io {

// The length of ".bbz-", 16 hexadecimal digits and ".tmp".
inline constexpr std::size_t kTemporaryNameLength = 5 + 16 + 4;

// Registers the entry `name` of a directory. Call it before the entry exists, and keep the
// directory open until release_temporary(). Returns the slot, or -1 if all slots are in use: then a
// signal leaves the file, and a later process removes it.
int register_temporary(int directory, const std::string& name);
// Releases a slot. Does nothing for -1.
void release_temporary(int slot);

// Returns whether remove_unfinished_files() was called.
bool is_cancelled();

}  // namespace bbz::io
