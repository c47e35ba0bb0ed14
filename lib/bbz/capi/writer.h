// bbz_writer: writes an archive, one tensor after the other.
#ifndef BBZ_CAPI_WRITER_H
#define BBZ_CAPI_WRITER_H

#include "bbz/capi/core.h"

#ifdef __cplusplus
extern "C" {
#endif

// The choices between the time of packing and the size. All are exact.
enum { BBZ_LEVEL_DEFAULT = 0, BBZ_LEVEL_FAST = 1, BBZ_LEVEL_SMALL = 2 };

// The kinds of digests.
enum {
  BBZ_DIGEST_XXH3 = 0,   // detects damage
  BBZ_DIGEST_SHA256 = 1  // also detects forgery
};

// Says how archives are written.
typedef struct bbz_writing {
  size_t struct_size;        // the size of this struct, which the caller sets
  uint64_t chunk_bytes;      // approximate decoded size of a chunk, at most 64 MiB; 0: 1 MiB
  uint64_t alignment;        // of payloads in the archive: a power of two, 16 to 2 MiB; 0: none
  uint32_t threads;          // number of threads that encode; 0: BBZ_ALL_CORES
  uint32_t level;            // a BBZ_LEVEL_ number
  uint32_t digest;           // a BBZ_DIGEST_ number
  uint32_t no_dedup;         // not 0: chunks that repeat others are stored again
  uint32_t replace;          // not 0: an existing file at the output is replaced
  uint32_t no_sync;          // not 0: does not wait until the output is on the disk
  const bbz_limits* limits;  // what exceeds them is refused; null: the defaults
} bbz_writing;

// An archive that is being written. It serves one thread at a time.
typedef struct bbz_writer bbz_writer;

// Callbacks that take the bytes of an archive. They are called within calls of the writer, on the
// thread that makes these.
typedef struct bbz_output {
  size_t struct_size;  // the size of this struct, which the caller sets
  void* user;          // passed to the callback
  const char* name;    // the name in messages, copied; null: "callback"
  // Appends `size` bytes, and returns 0 or the negative of an errno, as in bbz_callbacks.
  int (*write)(void* user, const void* bytes, size_t size);
} bbz_output;

// Begins an archive that appears at `path` when bbz_writer_finish returns BBZ_OK, and not before.
// Errors: BBZ_ERROR_EXISTS if something is there and `replace` is 0; BBZ_ERROR_INVALID_ARGUMENT for a
// value out of range; BBZ_ERROR_NOT_FOUND if the directory is missing; BBZ_ERROR_IO.
BBZ_API bbz_code bbz_writer_create_file(const char* path, const bbz_writing* options,
                                        bbz_writer** writer, bbz_error* error) BBZ_NOEXCEPT;
// Begins an archive whose bytes are passed to a callback, front to back; the struct is copied. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for a value out of range, and if `write` is null.
BBZ_API bbz_code bbz_writer_create_callbacks(const bbz_output* output, const bbz_writing* options,
                                             bbz_writer** writer, bbz_error* error) BBZ_NOEXCEPT;
// Frees a writer. If it is not finished, its file does not appear.
BBZ_API void bbz_writer_free(bbz_writer* writer) BBZ_NOEXCEPT;

// The errors of the calls below: BBZ_ERROR_INVALID_ARGUMENT for calls out of order, an unknown dtype,
// and text that is not UTF-8; BBZ_ERROR_LIMIT; BBZ_ERROR_UNSAFE_PATH; those of the output, which may
// come late, because chunks are queued. After an error of the output, all later calls of the writer
// return that error.

// Begins a file of the archive. `path` is relative, with components separated by '/'. The tensors and
// bytes that follow are its content, without gaps.
BBZ_API bbz_code bbz_writer_begin_file(bbz_writer* writer, const char* path, size_t length,
                                       bbz_error* error) BBZ_NOEXCEPT;
// Ends the open file. Errors: also BBZ_ERROR_INVALID_ARGUMENT if tensors of a safetensors file are
// missing.
BBZ_API bbz_code bbz_writer_end_file(bbz_writer* writer, bbz_error* error) BBZ_NOEXCEPT;
// Adds an empty directory. No file may be open.
BBZ_API bbz_code bbz_writer_add_directory(bbz_writer* writer, const char* path, size_t length,
                                          bbz_error* error) BBZ_NOEXCEPT;

// Adds a key and a value, both UTF-8, to the metadata of the open file or, if none is open, of the
// archive. format-spec/records.md lists the keys that have a meaning.
BBZ_API bbz_code bbz_writer_add_metadata(bbz_writer* writer, const char* key, size_t key_length,
                                         const char* value, size_t value_length,
                                         bbz_error* error) BBZ_NOEXCEPT;

// Describes a tensor to be written.
typedef struct bbz_tensor_spec {
  size_t struct_size;     // the size of this struct, which the caller sets
  const char* name;       // UTF-8
  size_t name_length;     // bytes
  const uint64_t* shape;  // `rank` sizes, the outermost axis first; null if `rank` is 0
  uint32_t rank;          // number of axes; 0: one element
  uint32_t dtype;         // a BBZ_DTYPE_ number, but not BBZ_DTYPE_BLOCK
  uint32_t has_layer;     // not 0: `layer` counts; 0: the layer is read from the name
  uint32_t layer;         // number of its layer, or BBZ_NONE
} bbz_tensor_spec;

// A key and a value of the "__metadata__" of a safetensors file.
typedef struct bbz_text_pair {
  const char* key;      // UTF-8
  size_t key_length;    // bytes
  const char* value;    // UTF-8
  size_t value_length;  // bytes
} bbz_text_pair;

// Begins a safetensors file, and writes its header: what is unpacked later is a safetensors file with
// these tensors and this metadata. `specs` points to `count` pointers. bbz_writer_begin_tensor must
// then be called for each tensor, in this order, with null as its spec. Errors: also
// BBZ_ERROR_INVALID_ARGUMENT if a name occurs twice or is "__metadata__", or if a key occurs twice.
BBZ_API bbz_code bbz_writer_begin_safetensors(bbz_writer* writer, const char* path, size_t length,
                                              const bbz_tensor_spec* const* specs, size_t count,
                                              const bbz_text_pair* metadata, size_t metadata_count,
                                              bbz_error* error) BBZ_NOEXCEPT;

// Begins a safetensors file whose tensors are not known yet: each call of bbz_writer_begin_tensor gives
// the next. The header is written last, in `header_bytes` that are kept for it at the beginning of the
// file: a multiple of 8, or 0 for 256 KiB. Some 100 bytes for each tensor are enough; the rest is filled
// with spaces, which take no room in the archive. Unpacked from a pipe, it needs an output that can seek.
// Errors: also BBZ_ERROR_LIMIT, from bbz_writer_end_file, if the header is longer.
BBZ_API bbz_code bbz_writer_begin_open_safetensors(bbz_writer* writer, const char* path,
                                                   size_t length, uint64_t header_bytes,
                                                   const bbz_text_pair* metadata,
                                                   size_t metadata_count,
                                                   bbz_error* error) BBZ_NOEXCEPT;

// Begins a tensor of the open file. `spec` is null for the next tensor of a safetensors file whose
// tensors were given when it began.
BBZ_API bbz_code bbz_writer_begin_tensor(bbz_writer* writer, const bbz_tensor_spec* spec,
                                         bbz_error* error) BBZ_NOEXCEPT;
// Begins `size` bytes of the open file that are no tensor.
BBZ_API bbz_code bbz_writer_begin_bytes(bbz_writer* writer, uint64_t size,
                                        bbz_error* error) BBZ_NOEXCEPT;
// Appends bytes to the open tensor: row-major and little-endian, in pieces of any size. They are
// copied.
BBZ_API bbz_code bbz_writer_write(bbz_writer* writer, const void* bytes, size_t size,
                                  bbz_error* error) BBZ_NOEXCEPT;
// Ends the open tensor, which must be complete.
BBZ_API bbz_code bbz_writer_end_tensor(bbz_writer* writer, bbz_error* error) BBZ_NOEXCEPT;
// Begins a tensor, appends all of its bytes, and ends it.
BBZ_API bbz_code bbz_writer_add_tensor(bbz_writer* writer, const bbz_tensor_spec* spec,
                                       const void* bytes, size_t size,
                                       bbz_error* error) BBZ_NOEXCEPT;

// Describes an archive that was written.
typedef struct bbz_written {
  size_t struct_size;      // the size of this struct, which the caller sets
  uint64_t file_count;     // including empty directories
  uint64_t tensor_count;   // of kind tensor
  uint64_t input_bytes;    // of the files
  uint64_t archive_bytes;  // length of the archive
  uint32_t rotated;        // 1: a model was packed up to its symmetry
  uint32_t left_out;       // entries of a directory that were left out
  char root[80];           // root digest, as in bbz_archive_info
  // Tensors that lean on one of a base. Written if struct_size includes it.
  uint64_t leaning_count;
} bbz_written;

// Writes the index and the end of the archive, and lets its file appear. `written` may be null. No
// file may be open, and only bbz_writer_free may follow.
BBZ_API bbz_code bbz_writer_finish(bbz_writer* writer, bbz_written* written,
                                   bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
