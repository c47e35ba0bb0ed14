// The number of threads, as every option gives it.
#pragma once

namespace bbz {

// The number of threads that means as many as the machine runs at once. It is the default of every
// option and argument called `threads`; the C interface has it as BBZ_ALL_CORES. Any other number
// counts the thread that calls the library, so that 1 starts no other. Threads start when there is
// work for several, so that opening an archive starts none.
inline constexpr unsigned kAllCores = 0;

}  // namespace bbz
