// The C interface of bbz, for C99 and every language that can call C. Link with libbbz.so (bbz-c in
// pkg-config, bbz::c in CMake). C++ programs have a richer interface in bbz/library.h.
//
//   bbz_error *error = bbz_error_new();
//   bbz_source *source = NULL;
//   bbz_reader *reader = NULL;
//   if (bbz_source_open_file("model.bbz", &source, error) != BBZ_OK ||
//       bbz_reader_open(source, NULL, &reader, error) != BBZ_OK) {
//     fprintf(stderr, "%s\n", bbz_error_message(error));
//   }
//   ...
//   bbz_reader_free(reader);
//   bbz_source_free(source);
//   bbz_error_free(error);
//
// These rules hold for every call:
//
// Errors. A call that can fail returns BBZ_OK or the BBZ_ERROR_ for the kind of error. Its last
// argument is a bbz_error for the message, or null. No call exits, prints, or lets an exception
// out. After a failed call, its outputs are unspecified, except that a handle to be made is null
// (bbz_verify may make its report all the same).
//
// Null. A null handle, or null instead of needed data, is BBZ_ERROR_INVALID_ARGUMENT; a call
// without an error code then returns 0 or null. Freeing null does nothing. An empty buffer may be
// null. Options may be null, for the defaults.
//
// Memory. The caller frees what a call makes with the _free of its type, in any order: a reader
// keeps its source alive. Pointers in a struct that a call filled in belong to the handle that was
// asked, and live as long as the handle.
//
// Threads. A bbz_error serves one call at a time. Calls that take a const handle may be made from
// many threads at once. Every other call needs the handle for itself, and so do freeing and all
// calls of a bbz_push and a bbz_writer. Nothing is global. A field `threads` is the number of threads that work at
// once, including the calling one; 0, the default, means as many as the machine runs.
//
// Processes. After fork(), the child may use and free the readers and models of its parent if no thread
// was in one of their calls at that moment; they work on the calling thread then. Sources of URLs,
// writers and decoders stay with the process that made them. A child starts threads for handles of its
// own, as any process.
//
// Long calls. A call with a bbz_progress tells how far it is, and can be cancelled. Its work, and the
// callbacks of its sources, then run on other threads than the calling one, which calls the bbz_progress.
//
// Structs. The caller sets struct_size to sizeof the struct. In options, it sets every field that
// it does not use to zero, which is the default. A later minor version may add fields at the end,
// and code that was compiled before still works. Unknown fields that are not zero are
// BBZ_ERROR_UNSUPPORTED.
//
// Text. All text is UTF-8. A name that comes with a length is also followed by a zero byte, but may
// contain zero bytes itself.
#ifndef BBZ_H
#define BBZ_H

#include "bbz/capi/base.h"
#include "bbz/capi/core.h"
#include "bbz/capi/model.h"
#include "bbz/capi/pack.h"
#include "bbz/capi/plan.h"
#include "bbz/capi/progress.h"
#include "bbz/capi/push.h"
#include "bbz/capi/reader.h"
#include "bbz/capi/source.h"
#include "bbz/capi/verify.h"
#include "bbz/capi/writer.h"

#endif
