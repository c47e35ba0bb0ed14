// bbz_reader: an archive opened by its index, of which any part can be read.
#ifndef BBZ_CAPI_READER_H
#define BBZ_CAPI_READER_H

#include "bbz/capi/source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bbz_reader bbz_reader;

typedef struct bbz_reader_options {
  size_t struct_size;
  uint32_t threads;          // that decode; 0: the calling thread alone
  uint32_t use_front_index;  // not 0: open by the index at the front, where there is one
  const bbz_limits* limits;  // null: the defaults
} bbz_reader_options;

// Reads the file header, the trailer and the index. Errors: BBZ_ERROR_NOT_AN_ARCHIVE, _TRUNCATED,
// _CHECKSUM, _MALFORMED, _UNSUPPORTED, _LIMIT; those of the source; _INVALID_ARGUMENT for one that
// cannot seek.
BBZ_API bbz_code bbz_reader_open(const bbz_source* source, const bbz_reader_options* options,
                                 bbz_reader** reader, bbz_error* error) BBZ_NOEXCEPT;
BBZ_API void bbz_reader_free(bbz_reader* reader) BBZ_NOEXCEPT;

// The archive as a whole.
typedef struct bbz_archive_info {
  size_t struct_size;
  uint32_t format_major;
  uint32_t format_minor;
  uint32_t file_count;  // files are numbered from 0, and so are tensors and metadata
  uint32_t tensor_count;
  uint32_t metadata_count;
  uint32_t exact;  // 1: unpacks byte for byte; 0: a model was rotated up to its symmetry
  uint64_t chunk_count;
  uint64_t archive_bytes;
  uint64_t unpacked_bytes;  // all files together
  uint64_t stored_bytes;    // payloads, without what describes them
  char root[80];            // the root digest, "xxh3-128:..." or "sha256:...", in hexadecimal
} bbz_archive_info;

BBZ_API bbz_code bbz_reader_info(const bbz_reader* reader, bbz_archive_info* info,
                                 bbz_error* error) BBZ_NOEXCEPT;

// A file that was packed, or an empty folder.
typedef struct bbz_file_info {
  size_t struct_size;
  const char* path;  // relative, its components separated by '/'
  size_t path_length;
  uint64_t size;            // bytes
  const uint32_t* tensors;  // the numbers of the tensors that fill it, in the order of offsets
  size_t tensor_count;
  const unsigned char* sha256;  // 32 bytes, or null where it was not recorded
  uint32_t is_directory;
} bbz_file_info;

// Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist, here and below.
BBZ_API bbz_code bbz_reader_file(const bbz_reader* reader, uint32_t file, bbz_file_info* info,
                                 bbz_error* error) BBZ_NOEXCEPT;
// Errors: BBZ_ERROR_NOT_FOUND.
BBZ_API bbz_code bbz_reader_find_file(const bbz_reader* reader, const char* path, size_t length,
                                      uint32_t* file, bbz_error* error) BBZ_NOEXCEPT;

// What a numbered tensor is.
enum {
  BBZ_KIND_BYTES = 0,   // bytes of a file that are no tensor: headers, padding, other files
  BBZ_KIND_TENSOR = 1,  // a tensor of a file
  BBZ_KIND_OPERAND = 2  // stored so that others can be derived from it; part of no file
};

typedef struct bbz_tensor_info {
  size_t struct_size;
  const char* name;  // empty for BBZ_KIND_BYTES
  size_t name_length;
  uint32_t kind;
  uint32_t dtype;
  uint32_t element_bits;
  uint32_t rank;
  const uint64_t* shape;  // `rank` extents, the outermost axis first
  uint64_t element_count;
  uint64_t byte_size;     // decoded
  uint64_t stored_bytes;  // in the archive
  uint64_t chunk_count;
  uint64_t file_offset;  // bytes
  uint32_t file;         // its number, or BBZ_NONE
  uint32_t layer;        // its number, or BBZ_NONE
} bbz_tensor_info;

BBZ_API bbz_code bbz_reader_tensor(const bbz_reader* reader, uint32_t tensor, bbz_tensor_info* info,
                                   bbz_error* error) BBZ_NOEXCEPT;
// Finds the tensor of this name, of kind BBZ_KIND_TENSOR, in a file, or with BBZ_NONE in any.
// Errors: BBZ_ERROR_NOT_FOUND; BBZ_ERROR_INVALID_ARGUMENT where several files have one.
BBZ_API bbz_code bbz_reader_find_tensor(const bbz_reader* reader, const char* name, size_t length,
                                        uint32_t file, uint32_t* tensor,
                                        bbz_error* error) BBZ_NOEXCEPT;

// Layers [first, last], the last included.
typedef struct bbz_layers {
  uint32_t first;
  uint32_t last;
} bbz_layers;

// A tensor is selected when its layer lies in one of `layers`, its name matches one of `tensors`
// and its file one of `files`, each where there are any, and its name matches none of `excluded`.
// Patterns are those of fnmatch(3), in which * and ? match '/' and '.' too.
typedef struct bbz_selection {
  size_t struct_size;
  const bbz_layers* layers;
  size_t layer_count;
  const char* const* tensors;
  size_t tensor_count;
  const char* const* excluded;
  size_t excluded_count;
  const char* const* files;
  size_t file_count;
} bbz_selection;

// Writes the numbers of the selected tensors in archive order, and how many there are, also where
// `capacity` is less. A capacity of 0 only counts them. Errors: BBZ_ERROR_NOT_FOUND where there is
// none; BBZ_ERROR_INVALID_ARGUMENT where a capacity other than 0 is too small.
BBZ_API bbz_code bbz_reader_select(const bbz_reader* reader, const bbz_selection* selection,
                                   uint32_t* tensors, size_t capacity, size_t* count,
                                   bbz_error* error) BBZ_NOEXCEPT;

// Each of these decodes into the caller's buffer, whose size must be what was asked for, and reads
// nothing of the archive but the chunks that hold it. Elements are row-major and little-endian.
// Errors: BBZ_ERROR_INVALID_ARGUMENT for a number, range or size that does not exist; those of the
// source; BBZ_ERROR_CHECKSUM, _MALFORMED and _UNSUPPORTED with tensor, chunk and offset.

// A whole tensor: `size` is its byte_size.
BBZ_API bbz_code bbz_reader_read_tensor(const bbz_reader* reader, uint32_t tensor, void* buffer,
                                        size_t size, bbz_error* error) BBZ_NOEXCEPT;
// Rows [first, first + count) along the outermost axis; a tensor without axes is one row. Rows of
// elements of less than a byte are rounded outwards to whole bytes.
BBZ_API bbz_code bbz_reader_read_rows(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                      uint64_t count, void* buffer, size_t size,
                                      bbz_error* error) BBZ_NOEXCEPT;
// Elements [first, first + count) in row-major order; those of less than a byte in whole bytes.
BBZ_API bbz_code bbz_reader_read_elements(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                          uint64_t count, void* buffer, size_t size,
                                          bbz_error* error) BBZ_NOEXCEPT;
// Bytes [offset, offset + size) of a tensor.
BBZ_API bbz_code bbz_reader_read_bytes(const bbz_reader* reader, uint32_t tensor, uint64_t offset,
                                       void* buffer, size_t size, bbz_error* error) BBZ_NOEXCEPT;
// Bytes [offset, offset + size) of a file.
BBZ_API bbz_code bbz_reader_read_file(const bbz_reader* reader, uint32_t file, uint64_t offset,
                                      void* buffer, size_t size, bbz_error* error) BBZ_NOEXCEPT;

// A value that was recorded under a key, of a file or of the archive.
typedef struct bbz_metadata_info {
  size_t struct_size;
  const char* key;
  size_t key_length;
  uint64_t value_length;  // bytes
  uint32_t file;          // its number, or BBZ_NONE for the archive
} bbz_metadata_info;

BBZ_API bbz_code bbz_reader_metadata(const bbz_reader* reader, uint32_t number,
                                     bbz_metadata_info* info, bbz_error* error) BBZ_NOEXCEPT;
// Reads a value: UTF-8, without a zero byte at its end. `size` is its value_length.
BBZ_API bbz_code bbz_reader_read_metadata(const bbz_reader* reader, uint32_t number, char* buffer,
                                          size_t size, bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
