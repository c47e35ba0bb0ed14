// bbz_reader: opens an archive by its index, and reads any part of it.
#ifndef BBZ_CAPI_READER_H
#define BBZ_CAPI_READER_H

#include "bbz/capi/base.h"
#include "bbz/capi/progress.h"
#include "bbz/capi/source.h"

#ifdef __cplusplus
extern "C" {
#endif

// Options of bbz_reader_open.
typedef struct bbz_reader_options {
  size_t struct_size;        // the size of this struct, which the caller sets
  uint32_t threads;          // number of threads that decode; 0: BBZ_ALL_CORES
  uint32_t use_front_index;  // not 0: open by the index at the front, if there is one
  const bbz_limits* limits;  // null: the defaults
  // The fields below are read if struct_size includes them.
  // Where the tensors are on which those of the archive lean, for an archive that bbz pack --base made;
  // null: nowhere, and then what leans is BBZ_ERROR_UNSUPPORTED. It may be freed before the new reader.
  const bbz_base* base;
} bbz_reader_options;

// Opens an archive: reads the file header, the trailer and the index. Errors:
// BBZ_ERROR_NOT_AN_ARCHIVE, _TRUNCATED, _CHECKSUM, _MALFORMED, _UNSUPPORTED, _LIMIT; those of the
// source; _INVALID_ARGUMENT if the source cannot seek.
BBZ_API bbz_code bbz_reader_open(const bbz_source* source, const bbz_reader_options* options,
                                 bbz_reader** reader, bbz_error* error) BBZ_NOEXCEPT;
// Frees a reader.
BBZ_API void bbz_reader_free(bbz_reader* reader) BBZ_NOEXCEPT;

// Describes the archive as a whole.
typedef struct bbz_archive_info {
  size_t struct_size;       // the size of this struct, which the caller sets
  uint32_t format_major;    // major version of the format, from the file header
  uint32_t format_minor;    // minor version of the format, from the file header
  uint32_t file_count;      // files, tensors and metadata are each numbered from 0
  uint32_t tensor_count;    // of every kind
  uint32_t metadata_count;  // values of the archive and of its files
  uint32_t exact;           // 1: unpacks byte for byte; 0: a model was rotated up to its symmetry
  uint64_t chunk_count;     // of all tensors together
  uint64_t archive_bytes;   // length of the archive
  uint64_t unpacked_bytes;  // all files together
  uint64_t stored_bytes;    // in payloads
  char root[80];            // root digest: "xxh3-128:" or "sha256:" and hexadecimal digits
  // The fields below are written if struct_size includes them.
  uint32_t base_count;  // bases on which its tensors lean, numbered from 0
  uint32_t reserved;    // 0
} bbz_archive_info;

// Fills in the description of the archive.
BBZ_API bbz_code bbz_reader_info(const bbz_reader* reader, bbz_archive_info* info,
                                 bbz_error* error) BBZ_NOEXCEPT;

// What an archive records of a file beside its content, as bits of bbz_file_info.recorded.
enum {
  BBZ_RECORDED_MODE = 1,  // its permissions
  BBZ_RECORDED_TIME = 2   // its modification time
};

// Describes a file that was packed, or an empty directory. Pointers in this struct and in the two
// below live as long as the reader; those from a bbz_push, as long as its functions say.
typedef struct bbz_file_info {
  // The size of this struct, which the caller sets, or the library if it calls a bbz_receiver.
  size_t struct_size;
  const char* path;               // relative, with components separated by '/'
  size_t path_length;             // bytes, without the zero byte at the end
  uint64_t size;                  // bytes
  const uint32_t* tensors;        // numbers of the tensors that fill it, ordered by offset
  size_t tensor_count;            // length of `tensors`
  const unsigned char* sha256;    // 32 bytes, or null if it was not recorded
  uint32_t is_directory;          // 1: an empty directory
  uint32_t recorded;              // BBZ_RECORDED_ bits: which of the fields below are known
  uint32_t mode;                  // permission bits, at most 0777
  uint32_t modified_nanoseconds;  // after the second, below 1,000,000,000
  int64_t modified_seconds;       // since 1970-01-01 UTC; negative before
} bbz_file_info;

// Describes a file, by number. Errors, here and below: BBZ_ERROR_INVALID_ARGUMENT for a number that
// does not exist.
BBZ_API bbz_code bbz_reader_file(const bbz_reader* reader, uint32_t file, bbz_file_info* info,
                                 bbz_error* error) BBZ_NOEXCEPT;
// Finds the number of a file or empty directory, by its path. Errors: BBZ_ERROR_NOT_FOUND.
BBZ_API bbz_code bbz_reader_find_file(const bbz_reader* reader, const char* path, size_t length,
                                      uint32_t* file, bbz_error* error) BBZ_NOEXCEPT;

// The kinds of numbered tensors.
enum {
  BBZ_KIND_BYTES = 0,    // bytes of a file that are no tensor: headers, padding, other files
  BBZ_KIND_TENSOR = 1,   // a tensor of a file
  BBZ_KIND_OPERAND = 2,  // stored so that other tensors can be derived from it; part of no file
  BBZ_KIND_STORAGE = 3   // memory in a file that tensors are views of, and no tensor itself
};

// Describes a tensor.
typedef struct bbz_tensor_info {
  // The size of this struct, which the caller sets, or the library if it calls a bbz_receiver.
  size_t struct_size;
  const char* name;        // empty for BBZ_KIND_BYTES
  size_t name_length;      // bytes, without the zero byte at the end
  uint32_t kind;           // a BBZ_KIND_ number
  uint32_t dtype;          // a BBZ_DTYPE_ number, or one of a later version
  uint32_t element_bits;   // size of one element, also of an unknown dtype or a block
  uint32_t rank;           // number of axes; 0: one element
  const uint64_t* shape;   // `rank` sizes, the outermost axis first
  uint64_t element_count;  // product of `shape`
  uint64_t byte_size;      // when decoded
  uint64_t stored_bytes;   // in the archive
  uint64_t chunk_count;    // stored for it; 0 if it is empty or derived as a whole
  uint64_t file_offset;    // offset in its file, in bytes
  uint32_t file;           // its file's number, or BBZ_NONE
  uint32_t layer;          // its layer's number, or BBZ_NONE
  // The fields below are written if struct_size includes them.
  // If dtype is BBZ_DTYPE_BLOCK, the type of its blocks; otherwise null and 0. A block has
  // element_bits / 8 bytes, and `shape` counts blocks on the innermost axis.
  const char* block_type;    // name of the block type, in UTF-8
  size_t block_type_length;  // bytes, without the zero byte at the end
  uint32_t block_values;     // values that a block holds
  // Of a tensor whose elements are some of those of another, its base: what is read of it is packed.
  uint32_t base;            // the number of the base, or BBZ_NONE
  const uint64_t* strides;  // in elements, `rank` of them; null if `base` is BBZ_NONE
  uint64_t base_offset;     // of the first element in the base, in bytes
  // The number of the base in which the tensor leans on one of the same dtype and shape, or BBZ_NONE. Of
  // a view, the tensor that it shows may lean.
  uint32_t leans_on;
  uint32_t reserved;  // 0
} bbz_tensor_info;

// Describes a base of an archive, as it was when the archive was packed. Pointers live as long as the
// reader.
typedef struct bbz_recorded_base {
  size_t struct_size;  // the size of this struct, which the caller sets
  const char* name;  // of its file, without directories, or its URL; may be empty. It may be untrue
  size_t name_length;  // bytes, without the zero byte at the end
  char root[80];       // root digest, as in bbz_archive_info; empty if it was no archive
} bbz_recorded_base;

// Describes a base, by number.
BBZ_API bbz_code bbz_reader_base(const bbz_reader* reader, uint32_t base, bbz_recorded_base* info,
                                 bbz_error* error) BBZ_NOEXCEPT;

// Describes a tensor, by number.
BBZ_API bbz_code bbz_reader_tensor(const bbz_reader* reader, uint32_t tensor, bbz_tensor_info* info,
                                   bbz_error* error) BBZ_NOEXCEPT;
// Finds the number of the tensor with this name, of kind BBZ_KIND_TENSOR, in a file, or in any file
// with BBZ_NONE. Errors: BBZ_ERROR_NOT_FOUND; BBZ_ERROR_INVALID_ARGUMENT if several files have one,
// or if there is no file with this number.
BBZ_API bbz_code bbz_reader_find_tensor(const bbz_reader* reader, const char* name, size_t length,
                                        uint32_t file, uint32_t* tensor,
                                        bbz_error* error) BBZ_NOEXCEPT;

// A range of layers.
typedef struct bbz_layers {
  uint32_t first;  // number of the first layer
  uint32_t last;   // number of the last layer, which is included
} bbz_layers;

// Selects tensors. A tensor is selected if its layer lies in one of `layers`, its name matches one
// of `tensors`, its file matches one of `files`, and its name matches none of `excluded`. An empty
// list restricts nothing. Patterns are those of fnmatch(3), in which * and ? also match '/' and
// '.'.
typedef struct bbz_selection {
  size_t struct_size;           // the size of this struct, which the caller sets
  const bbz_layers* layers;     // may be null if layer_count is 0; so may the lists below
  size_t layer_count;           // length of `layers`
  const char* const* tensors;   // patterns of names that are selected
  size_t tensor_count;          // length of `tensors`
  const char* const* excluded;  // patterns of names that are not selected
  size_t excluded_count;        // length of `excluded`
  const char* const* files;     // patterns of paths
  size_t file_count;            // length of `files`
} bbz_selection;

// Writes the numbers of the selected tensors in archive order. `count` receives their number, even
// if `capacity` is less; a capacity of 0 only counts them. Errors: BBZ_ERROR_NOT_FOUND if none is
// selected; BBZ_ERROR_INVALID_ARGUMENT if a capacity other than 0 is too small.
BBZ_API bbz_code bbz_reader_select(const bbz_reader* reader, const bbz_selection* selection,
                                   uint32_t* tensors, size_t capacity, size_t* count,
                                   bbz_error* error) BBZ_NOEXCEPT;

// The calls below decode into the caller's buffer, whose size must be that of the requested bytes.
// They read only those chunks of the archive that are needed. Elements are row-major and
// little-endian. Errors: BBZ_ERROR_INVALID_ARGUMENT for a number or range that does not exist and
// for a wrong size; those of the source; BBZ_ERROR_CHECKSUM, _MALFORMED and _UNSUPPORTED, with
// tensor, chunk and offset; for what leans on a base, BBZ_ERROR_UNSUPPORTED if that is not given, and
// BBZ_ERROR_BASE if it lacks it, is another or is damaged.

// Reads a whole tensor. `size` is its byte_size.
BBZ_API bbz_code bbz_reader_read_tensor(const bbz_reader* reader, uint32_t tensor, void* buffer,
                                        size_t size, bbz_error* error) BBZ_NOEXCEPT;
// Updates a tensor in place: `buffer` has all bytes of the tensor on which it leans, and gets its own.
// The base of bbz_reader_options is not used. A tensor that does not lean is read, whatever the buffer
// had. Errors: also BBZ_ERROR_DIGEST_MISMATCH if the buffer has other bytes than it leans on, and then it
// is as before; after other errors its bytes are unspecified.
BBZ_API bbz_code bbz_reader_update_tensor(const bbz_reader* reader, uint32_t tensor, void* buffer,
                                          size_t size, bbz_error* error) BBZ_NOEXCEPT;
// Compares `bytes`, all of a tensor, with what bbz_reader_update_tensor needs in its buffer, and changes
// nothing: to check many tensors before the first is updated. Succeeds if the tensor does not lean. Errors:
// BBZ_ERROR_DIGEST_MISMATCH; BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist and for a wrong
// size.
BBZ_API bbz_code bbz_reader_check_update(const bbz_reader* reader, uint32_t tensor,
                                         const void* bytes, size_t size,
                                         bbz_error* error) BBZ_NOEXCEPT;
// Reads rows [first, first + count) along the outermost axis; a tensor without axes has one row.
// Rows of elements smaller than a byte are rounded outwards to whole bytes.
BBZ_API bbz_code bbz_reader_read_rows(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                      uint64_t count, void* buffer, size_t size,
                                      bbz_error* error) BBZ_NOEXCEPT;
// Reads elements [first, first + count) in row-major order. Elements smaller than a byte must fill
// whole bytes.
BBZ_API bbz_code bbz_reader_read_elements(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                          uint64_t count, void* buffer, size_t size,
                                          bbz_error* error) BBZ_NOEXCEPT;
// Reads bytes [offset, offset + size) of a tensor.
BBZ_API bbz_code bbz_reader_read_bytes(const bbz_reader* reader, uint32_t tensor, uint64_t offset,
                                       void* buffer, size_t size, bbz_error* error) BBZ_NOEXCEPT;
// Reads bytes [offset, offset + size) of a file.
BBZ_API bbz_code bbz_reader_read_file(const bbz_reader* reader, uint32_t file, uint64_t offset,
                                      void* buffer, size_t size, bbz_error* error) BBZ_NOEXCEPT;

// Where a part of a tensor goes. The layout of this struct never changes.
typedef struct bbz_target {
  void* buffer;       // receives the bytes
  uint64_t offset;    // of the first byte, from the beginning of the tensor
  uint64_t size;      // bytes
  uint32_t tensor;    // number of the tensor
  uint32_t reserved;  // must be 0
} bbz_target;

// Options of reading many tensors.
typedef struct bbz_many_options {
  size_t struct_size;     // the size of this struct, which the caller sets
  bbz_progress progress;  // counts bytes that were decoded; may be null
  void* user;             // passed to `progress`
} bbz_many_options;

// Reads parts of tensors with all of the reader's threads, each chunk directly into its buffer if the
// target has all of it. Buffers must not overlap. After an error, the content of the buffers is
// unspecified. Errors: those of bbz_reader_read_bytes; BBZ_ERROR_CANCELLED.
BBZ_API bbz_code bbz_reader_read_many(const bbz_reader* reader, const bbz_target* targets,
                                      size_t count, const bbz_many_options* options,
                                      bbz_error* error) BBZ_NOEXCEPT;

// Lists the numbers of the layers in ascending order, each once. `count` receives their number, even if
// `capacity` is less; a capacity of 0 only counts them. Errors: BBZ_ERROR_INVALID_ARGUMENT if a
// capacity other than 0 is too small.
BBZ_API bbz_code bbz_reader_layers(const bbz_reader* reader, uint32_t* layers, size_t capacity,
                                   size_t* count, bbz_error* error) BBZ_NOEXCEPT;

// Describes a chunk of a tensor, as it is stored.
typedef struct bbz_chunk_info {
  size_t struct_size;      // the size of this struct, which the caller sets
  uint64_t offset;         // of its payload in the archive
  uint64_t stored_bytes;   // of its payload; 0 if it repeats another chunk
  uint64_t decoded_bytes;  // size when decoded
  uint64_t first_element;  // index among the stored elements of the tensor
  uint64_t element_count;  // stored elements in it
  uint32_t codec;          // its number; bbz_codec_name has the name
  uint32_t repeats;        // 1: it repeats an earlier chunk, whose offset and codec these are
} bbz_chunk_info;

// Describes a chunk, by its number in a tensor. Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that
// does not exist.
BBZ_API bbz_code bbz_reader_chunk(const bbz_reader* reader, uint32_t tensor, uint64_t chunk,
                                  bbz_chunk_info* info, bbz_error* error) BBZ_NOEXCEPT;
// Sets the codec that most stored bytes of a tensor have, or BBZ_NONE if it stores none.
BBZ_API bbz_code bbz_reader_codec(const bbz_reader* reader, uint32_t tensor, uint32_t* codec,
                                  bbz_error* error) BBZ_NOEXCEPT;

// Options of bbz_reader_open_file.
typedef struct bbz_view_options {
  size_t struct_size;    // the size of this struct, which the caller sets
  uint64_t cache_bytes;  // of decoded chunks that are kept; 0: 64 MiB
  uint32_t threads;   // number of threads that decode at once; 0: BBZ_ALL_CORES; 1: nothing ahead
  uint32_t reserved;  // must be 0
} bbz_view_options;

// Opens a file of the archive as a source, to be read at any offset or by a reader or a model of its
// own. Decoded chunks are cached. The reader may be freed before. Errors: BBZ_ERROR_INVALID_ARGUMENT
// for a number that does not exist, and for a directory.
BBZ_API bbz_code bbz_reader_open_file(const bbz_reader* reader, uint32_t file,
                                      const bbz_view_options* options, bbz_source** source,
                                      bbz_error* error) BBZ_NOEXCEPT;

// Describes a value that was recorded under a key, for a file or for the archive.
typedef struct bbz_metadata_info {
  // The size of this struct, which the caller sets, or the library if it calls a bbz_receiver.
  size_t struct_size;
  const char* key;        // for example "format"
  size_t key_length;      // bytes, without the zero byte at the end
  uint64_t value_length;  // bytes
  uint32_t file;          // its number, or BBZ_NONE for the archive
} bbz_metadata_info;

// Describes a value, by number.
BBZ_API bbz_code bbz_reader_metadata(const bbz_reader* reader, uint32_t number,
                                     bbz_metadata_info* info, bbz_error* error) BBZ_NOEXCEPT;
// Reads a value: UTF-8, without a zero byte at its end. `size` is its value_length. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for a wrong number or size; BBZ_ERROR_CHECKSUM; those of the source.
BBZ_API bbz_code bbz_reader_read_metadata(const bbz_reader* reader, uint32_t number, char* buffer,
                                          size_t size, bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
