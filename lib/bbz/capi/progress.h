// Progress and cancellation of long calls.
#ifndef BBZ_CAPI_PROGRESS_H
#define BBZ_CAPI_PROGRESS_H

#include "bbz/capi/core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The phases of a long call, in their order. A call may skip some.
enum {
  BBZ_PHASE_PREPARE = 0,  // opens and examines the inputs; `done` is 0
  BBZ_PHASE_WORK = 1,     // reads and writes
  BBZ_PHASE_FINISH = 2    // checks the inputs once more, and gives the output its name
};

// Tells how far a long call is, and asks whether it should go on. `done` counts the bytes of `total`,
// which is BBZ_UNKNOWN if it is not known. Returns 0 to go on; any other value cancels the call, which
// then returns BBZ_ERROR_CANCELLED, unless its work has ended before it hears of that.
//
// It is called on the thread that made the call: at the beginning, every 20 milliseconds while another
// thread, which the library starts for the call, works, and after success, when the result does not
// count any more.
// A cancelled call returns when the chunks in work are done, and leaves no unfinished output. What the
// system, the network or linear algebra does at once is waited for: writing a file through to the disk,
// a response, a junction. The callback may use the library, but not the handles that the call needs for
// itself.
typedef int (*bbz_progress)(void* user, uint32_t phase, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif

#endif
