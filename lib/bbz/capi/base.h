// bbz_base: where the tensors are on which those of an archive lean, for archives that bbz pack --base
// made and for making them.
#ifndef BBZ_CAPI_BASE_H
#define BBZ_CAPI_BASE_H

#include "bbz/capi/source.h"

#ifdef __cplusplus
extern "C" {
#endif

// An open archive: see reader.h.
typedef struct bbz_reader bbz_reader;

// Archives and models in which tensors of a base are looked for. It may be used for many archives, and
// from many threads.
typedef struct bbz_base bbz_base;

// Says where to look. All is copied, or kept open; no other place is looked at, whatever an archive says of
// its base.
typedef struct bbz_base_options {
  size_t struct_size;  // the size of this struct, which the caller sets
  // Paths of archives, models and directories, whose files are looked at but not their subdirectories,
  // and URLs, which are opened as bbz_source_open_url does without options.
  const char* const* places;
  size_t place_count;  // length of `places`
  // More places for the bases of the archives at these, if no archive is named that leans.
  const char* const* deeper;
  size_t deeper_count;  // length of `deeper`
  // Sources of archives and models, which must be able to seek.
  const bbz_source* const* sources;
  size_t source_count;  // length of `sources`
  // Archives that are open. What leans in one of them is read as the base that it was opened with allows.
  const bbz_reader* const* readers;
  size_t reader_count;  // length of `readers`
  // The path of the archive that leans, which is passed over in directories; null: none.
  const char* archive;
  const bbz_limits* limits;  // of archives; null: the defaults
  uint32_t threads;          // number of threads that decode; 0: BBZ_ALL_CORES
  uint32_t reserved;         // must be 0
} bbz_base_options;

// Makes a base. Files and URLs are opened when a tensor is looked for, and what fails then is an error of
// the call that needs the tensor. Errors: BBZ_ERROR_INVALID_ARGUMENT, also if there is nowhere to look.
BBZ_API bbz_code bbz_base_open(const bbz_base_options* options, bbz_base** base,
                               bbz_error* error) BBZ_NOEXCEPT;
// Frees a base. Readers and models that were opened with it keep what they need of it.
BBZ_API void bbz_base_free(bbz_base* base) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
