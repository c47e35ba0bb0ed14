// The C interface of bbz, for C99 and everything that calls C: link with libbbz.so (pkg-config
// bbz-c, CMake's bbz::c). C++ programs have a richer one in bbz/library.h.
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
// What holds for every call:
//
// Errors. A call that can fail returns BBZ_OK or the BBZ_ERROR_ that tells the kind, and takes as
// its last argument a bbz_error, or null, for the message. No call exits, prints, or lets an
// exception out. What a failed call was to write is unspecified, except that a handle which it was
// to make is null.
//
// Null. A null handle, or null where data is needed, is BBZ_ERROR_INVALID_ARGUMENT; a call without
// an error code then returns 0 or null. Freeing null does nothing. A buffer of no bytes may be
// null, and so may options, which then are the defaults.
//
// Memory. What a call makes, the caller frees with the _free of its type, in any order: a reader
// keeps its source alive. Pointers inside a struct that a call filled in belong to the handle that
// was asked and live as long as it.
//
// Threads. A bbz_error belongs to one call at a time. Calls that take a const handle may be made
// from many threads at once; every other call, and freeing, needs the handle for itself (and
// bbz_push always). Nothing is global.
//
// Structs. The caller sets struct_size to sizeof the struct and, in options, every field that it
// does not use to zero, which is the default. A later minor version may add fields at the end;
// code that was compiled before it keeps working. Unknown fields that are not zero are
// BBZ_ERROR_UNSUPPORTED.
//
// Text is UTF-8. A name that comes with a length is also followed by a zero byte, but may contain
// some.
#ifndef BBZ_H
#define BBZ_H

#include "bbz/capi/core.h"
#include "bbz/capi/plan.h"
#include "bbz/capi/push.h"
#include "bbz/capi/reader.h"
#include "bbz/capi/source.h"
#include "bbz/capi/verify.h"

#endif
