// The base of the C interface: versions, error codes and messages, element types, limits.
#ifndef BBZ_CAPI_CORE_H
#define BBZ_CAPI_CORE_H

#include <stddef.h>
#include <stdint.h>

// Marks the functions that the shared library exports.
#if defined(__GNUC__)
#define BBZ_API __attribute__((visibility("default")))
#else
#define BBZ_API
#endif

// Tells C++ that no call throws.
#ifdef __cplusplus
#define BBZ_NOEXCEPT noexcept
extern "C" {
#else
#define BBZ_NOEXCEPT
#endif

// The major version of this interface. It is that of the shared library's soname, and changes if
// something is removed or changed.
#define BBZ_ABI_MAJOR 1
// The minor version of this interface. From the first release on, it changes if something is added.
#define BBZ_ABI_MINOR 0

// Returns the version of the library that is running, for example "1.2.3". The text is static.
BBZ_API const char* bbz_version_string(void) BBZ_NOEXCEPT;
// Returns BBZ_ABI_MAJOR << 16 | BBZ_ABI_MINOR of the library that is running.
BBZ_API uint32_t bbz_abi_version(void) BBZ_NOEXCEPT;
// Returns the newest format that the library reads, as major << 16 | minor.
BBZ_API uint32_t bbz_format_version(void) BBZ_NOEXCEPT;

// The kind of an error. The numbers are those of format-spec/limits.md and never change.
typedef int bbz_code;
enum {
  BBZ_OK = 0,                      // success
  BBZ_ERROR_INVALID_ARGUMENT = 1,  // the caller asked for something that cannot be
  BBZ_ERROR_IO = 2,                // the operating system, the network or a callback failed
  BBZ_ERROR_NOT_AN_ARCHIVE = 3,    // the magic number is not there
  BBZ_ERROR_TRUNCATED = 4,         // the bytes end before the structure does
  BBZ_ERROR_CHECKSUM = 5,          // a stored checksum differs from the one computed
  BBZ_ERROR_MALFORMED = 6,         // the structure breaks a rule of the specification
  BBZ_ERROR_UNSUPPORTED = 7,       // a version, feature or codec that the library does not know
  BBZ_ERROR_LIMIT = 8,             // a size is over a limit
  BBZ_ERROR_NOT_FOUND = 9,         // no such tensor, file or layer
  BBZ_ERROR_EXISTS = 10,           // an output is already there
  BBZ_ERROR_UNSAFE_PATH = 11,      // a name would leave the output directory
  BBZ_ERROR_DIGEST_MISMATCH = 12,  // the content is whole but is not the expected one
  BBZ_ERROR_CANCELLED = 13,        // the caller asked to stop
  BBZ_ERROR_INTERNAL = 14,         // a defect of bbz, or an exception from a callback
  BBZ_ERROR_OUT_OF_MEMORY = 15,    // memory could not be allocated
  BBZ_ERROR_BASE = 16  // the base of an archive is another one, is damaged, or lacks a tensor
};

// Returns the name of a code, for example "not-an-archive"; "unknown" for other numbers. The text
// is static.
BBZ_API const char* bbz_code_name(bbz_code code) BBZ_NOEXCEPT;

// Receives the outcome of each call that it is passed to, also of a successful one. Each call
// overwrites the outcome of the one before.
typedef struct bbz_error bbz_error;

// Makes an error. Returns null if there is no memory; calls then give no message.
BBZ_API bbz_error* bbz_error_new(void) BBZ_NOEXCEPT;
// Frees an error.
BBZ_API void bbz_error_free(bbz_error* error) BBZ_NOEXCEPT;

// Returns the code of the last call; BBZ_OK for null.
BBZ_API bbz_code bbz_error_code(const bbz_error* error) BBZ_NOEXCEPT;
// Returns the message of the last call: one sentence that says what, where, expected and found;
// empty after success and for null. It lives until the next call with this error.
BBZ_API const char* bbz_error_message(const bbz_error* error) BBZ_NOEXCEPT;

// Where in an archive the last call failed.
typedef struct bbz_error_place {
  size_t struct_size;  // the size of this struct, which the caller sets
  const char*
      tensor;  // its name, or null if it is not known; lives until the next call with the error
  size_t tensor_length;    // bytes, without the zero byte at the end
  uint32_t tensor_number;  // number of the tensor in its archive, or BBZ_NONE
  uint32_t chunk;          // number of the chunk in the tensor, or BBZ_NONE
  uint64_t offset;         // of the chunk's payload in the archive, or BBZ_UNKNOWN
} bbz_error_place;

// Fills in the place of the last call's failure. Returns BBZ_ERROR_INVALID_ARGUMENT for null and for a
// struct_size that is too small.
BBZ_API bbz_code bbz_error_where(const bbz_error* error, bbz_error_place* place) BBZ_NOEXCEPT;

// The types of elements, by their numbers in the format. An archive of a later version may have
// others.
enum {
  BBZ_DTYPE_BOOL = 1,
  BBZ_DTYPE_U8 = 2,
  BBZ_DTYPE_I8 = 3,
  BBZ_DTYPE_U16 = 4,
  BBZ_DTYPE_I16 = 5,
  BBZ_DTYPE_U32 = 6,
  BBZ_DTYPE_I32 = 7,
  BBZ_DTYPE_U64 = 8,
  BBZ_DTYPE_I64 = 9,
  BBZ_DTYPE_F16 = 16,
  BBZ_DTYPE_BF16 = 17,
  BBZ_DTYPE_F32 = 18,
  BBZ_DTYPE_F64 = 19,
  BBZ_DTYPE_C64 = 20,  // complex of two F32
  BBZ_DTYPE_F8_E4M3 = 32,
  BBZ_DTYPE_F8_E5M2 = 33,
  BBZ_DTYPE_F8_E8M0 = 34,  // a scale, exponent only
  BBZ_DTYPE_F8_E4M3FNUZ = 35,
  BBZ_DTYPE_F8_E5M2FNUZ = 36,
  BBZ_DTYPE_F6_E2M3 = 40,  // 6 bits each, packed
  BBZ_DTYPE_F6_E3M2 = 41,  // 6 bits each, packed
  BBZ_DTYPE_F4 = 48,       // 4 bits each, packed
  BBZ_DTYPE_BLOCK = 64     // blocks of several values: see bbz_tensor_info
};

// Returns the name of a type as safetensors writes it, for example "BF16"; null for
// BBZ_DTYPE_BLOCK, and for numbers that are not in the list. The text is static.
BBZ_API const char* bbz_dtype_name(uint32_t dtype) BBZ_NOEXCEPT;
// Finds the number of the type with a name, as bbz_dtype_name returns it; 0 if there is none.
BBZ_API uint32_t bbz_dtype_find(const char* name, size_t length) BBZ_NOEXCEPT;
// Returns the bits of one element of a type; 0 for BBZ_DTYPE_BLOCK, and for numbers that are not in the
// list.
BBZ_API uint32_t bbz_dtype_bits(uint32_t dtype) BBZ_NOEXCEPT;
// Returns the name of a codec, such as "split-float"; null for an unknown number. The text is static.
BBZ_API const char* bbz_codec_name(uint32_t codec) BBZ_NOEXCEPT;

// The limits that are checked before memory is allocated or work is done for a declared size. 0
// stands for the default in format-spec/limits.md.
typedef struct bbz_limits {
  size_t struct_size;       // the size of this struct, which the caller sets
  uint64_t index_bytes;     // payload of the index, and its list when decompressed
  uint64_t chunk_bytes;     // one decoded chunk
  uint64_t metadata_bytes;  // one metadata value
  uint64_t group_bytes;     // payload of one group
  uint64_t name_bytes;      // a path or a tensor's name
  uint64_t rank;            // axes of a tensor
  uint64_t files;           // number of files and empty directories
  uint64_t tensors;         // number of tensors of every kind
  uint64_t chunks;          // number of chunks of all tensors together
  uint64_t unpacked_bytes;  // all files together
} bbz_limits;

// Means "none" as the number of a file or layer.
#define BBZ_NONE UINT32_C(0xFFFFFFFF)

// Means a number of bytes that is not known.
#define BBZ_UNKNOWN UINT64_MAX

// Means, as a number of threads, as many as the machine runs at once. It is the default. A number
// counts the calling thread, so that with 1 no other thread is started.
#define BBZ_ALL_CORES UINT32_C(0)

#ifdef __cplusplus
}
#endif

#endif
