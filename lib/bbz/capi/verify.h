// Verifying from C: whether every byte of an archive is what it should be.
#ifndef BBZ_CAPI_VERIFY_H
#define BBZ_CAPI_VERIFY_H

#include "bbz/capi/source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bbz_verify_options {
  size_t struct_size;
  uint32_t fast;              // not 0: structure and stored payloads only; nothing is decoded
  uint32_t threads;           // that decode; 0: the calling thread alone
  const char* expected_root;  // as in bbz_archive_info, or its hexadecimal alone; null: any
  const bbz_limits* limits;   // null: the defaults
  // Called now and then, on the calling thread, with the bytes that have been read. May be null.
  void (*progress)(void* user, uint64_t bytes);
  void* user;
} bbz_verify_options;

// What was found: all damaged chunks, where the call itself returns only the first error.
typedef struct bbz_report bbz_report;

// Reads an archive front to back and checks every checksum, digest and rule of the format. Where
// `report` is not null, it receives what was found whenever the archive could be read, sound or
// not. A source that cannot seek is used up. Errors: BBZ_ERROR_CHECKSUM and all others that reading
// gives; BBZ_ERROR_DIGEST_MISMATCH where all is well but the root is not the expected one.
BBZ_API bbz_code bbz_verify(const bbz_source* source, const bbz_verify_options* options,
                            bbz_report** report, bbz_error* error) BBZ_NOEXCEPT;
BBZ_API void bbz_report_free(bbz_report* report) BBZ_NOEXCEPT;

typedef struct bbz_report_info {
  size_t struct_size;
  uint64_t damage_count;  // of chunks and files
  uint64_t listed_count;  // of those, how many bbz_report_damage knows: the first hundred
  uint64_t file_count;    // what was checked
  uint64_t tensor_count;  // of kind tensor
  uint64_t chunk_count;
  uint64_t archive_bytes;
  bbz_code broken;  // not BBZ_OK: the structure ended the reading, and the rest is not known
  char root[80];    // as in bbz_archive_info; empty where the end was not reached
} bbz_report_info;

BBZ_API bbz_code bbz_report_get(const bbz_report* report, bbz_report_info* info,
                                bbz_error* error) BBZ_NOEXCEPT;

typedef struct bbz_damage {
  size_t struct_size;
  const char* file;         // empty for an operand; paths and names end at their first zero byte
  const char* tensor;       // empty for bytes that are no tensor, and for a file
  const char* message;      // what is wrong with it
  bbz_code code;            // the same, by kind
  uint32_t chunk;           // its number in the tensor, or BBZ_NONE for a file
  uint64_t archive_offset;  // of the chunk's payload; 0 for a file
} bbz_damage;

// Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that is not below listed_count.
BBZ_API bbz_code bbz_report_damage(const bbz_report* report, size_t number, bbz_damage* damage,
                                   bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
