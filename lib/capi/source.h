// bbz_source: where the bytes of an archive are read from. One that cannot seek serves one call at
// a time, and only once.
#ifndef BBZ_CAPI_SOURCE_H
#define BBZ_CAPI_SOURCE_H

#include "bbz/capi/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bbz_source bbz_source;

// Opens a file for reading. A FIFO, and "-" for standard input, can be verified, but a reader needs
// to seek. Errors: BBZ_ERROR_NOT_FOUND, BBZ_ERROR_IO with the path and the system's reason.
BBZ_API bbz_code bbz_source_open_file(const char* path, bbz_source** source,
                                      bbz_error* error) BBZ_NOEXCEPT;

// Reads bytes that the caller keeps, unchanged, until the source and its readers are freed.
BBZ_API bbz_code bbz_source_open_memory(const void* bytes, size_t size, bbz_source** source,
                                        bbz_error* error) BBZ_NOEXCEPT;

// Bytes that the caller fetches. Callbacks must return to the call that made them: no longjmp.
typedef struct bbz_callbacks {
  size_t struct_size;
  void* user;        // passed to each callback
  const char* name;  // what messages call it, copied; null: "callback"

  // Reads up to `length` bytes at `offset` into `buffer` and returns how many: fewer than asked for
  // at any time, 0 only at or past the end. A failure is the negative of an errno: -EIO becomes
  // BBZ_ERROR_IO with the system's text for it, -ECANCELED becomes BBZ_ERROR_CANCELLED. Called from
  // several threads at once where the reader decodes on several or is used from several.
  int64_t (*read)(void* user, uint64_t offset, void* buffer, size_t length);

  // Sets the length in bytes, and returns 0 or the negative of an errno. Called once, when the
  // source is opened. Null: the source is a stream, read front to back and by one thread at a time;
  // it can be verified, but a reader needs to seek.
  int (*size)(void* user, uint64_t* size);

  // Called once, from the last _free of the source and its readers; not where opening fails. May be
  // null.
  void (*close)(void* user);
} bbz_callbacks;

// Errors: BBZ_ERROR_INVALID_ARGUMENT where there is no read callback; those of the size callback.
BBZ_API bbz_code bbz_source_open_callbacks(const bbz_callbacks* callbacks, bbz_source** source,
                                           bbz_error* error) BBZ_NOEXCEPT;

BBZ_API void bbz_source_free(bbz_source* source) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
