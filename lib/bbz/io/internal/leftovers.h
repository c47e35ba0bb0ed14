// Leftovers: named temporaries of processes that were killed.
#pragma once

namespace bbz::io {

// Removes the leftovers in a directory, unless this process has searched it before. A leftover
// - has the name of a temporary;
// - is a regular file of this user;
// - is not locked;
// - is at least a day old if other machines share the file system, because they may not share
//   locks.
// Never fails, and keeps a file that it cannot examine.
void remove_leftovers(int directory);

}  // namespace bbz::io
