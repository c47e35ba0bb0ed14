// Leftovers: the named temporaries of processes that were killed. Internal to the room.
#pragma once

namespace bbz::io {

// Removes the leftovers in a directory, the first time that this process asks for it. A file is one
// if its name is that of a temporary, if it is a regular file of this user, and if nobody holds its
// lock; on a file system that other machines share, which may not share locks, it must also be a
// day old. Never fails: what cannot be looked at stays.
void remove_leftovers(int directory);

}  // namespace bbz::io
