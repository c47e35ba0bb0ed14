// Verification in C: checks every byte of an archive.
#ifndef BBZ_CAPI_VERIFY_H
#define BBZ_CAPI_VERIFY_H

#include "bbz/capi/base.h"
#include "bbz/capi/progress.h"
#include "bbz/capi/source.h"

#ifdef __cplusplus
extern "C" {
#endif

// Options of bbz_verify.
typedef struct bbz_verify_options {
  size_t struct_size;  // the size of this struct, which the caller sets
  uint32_t fast;       // not 0: checks structure and stored payloads only, and decodes nothing
  uint32_t threads;    // number of threads that decode; 0: BBZ_ALL_CORES
  const char* expected_root;  // as in bbz_archive_info, or its hexadecimal digits alone; null: any
  const bbz_limits* limits;   // null: the defaults
  // Called now and then, on the calling thread, with the number of bytes that were read. May be
  // null.
  void (*progress)(void* user, uint64_t bytes);
  // Passed to `progress` and to `watch`.
  void* user;
  // Called with the bytes that were read, in BBZ_PHASE_WORK, and can cancel; `progress` must be null
  // then. May be null. Belongs to the options if struct_size includes it.
  bbz_progress watch;
  // Where the tensors are on which those of the archive lean, as in bbz_reader_options. If null, of what
  // leans only what is stored is checked. Belongs to the options if struct_size includes it.
  const bbz_base* base;
} bbz_verify_options;

// The findings of a verification: all damage, while the code of the call tells only the first
// error.
typedef struct bbz_report bbz_report;

// Reads an archive front to back, and checks every checksum, digest and rule of the format. If
// `report` is not null, it receives the findings whenever the archive could be read, even if the
// call returns an error. A source that cannot seek is read to its end. Errors:
// BBZ_ERROR_CHECKSUM and all others of reading; BBZ_ERROR_DIGEST_MISMATCH if all is well but the
// root digest is not the expected one; BBZ_ERROR_UNSUPPORTED if all is well but what leans was not
// decoded, because there is no base; BBZ_ERROR_BASE if it was not because the base is another, is damaged
// or lacks a tensor; BBZ_ERROR_CANCELLED, without a report.
BBZ_API bbz_code bbz_verify(const bbz_source* source, const bbz_verify_options* options,
                            bbz_report** report, bbz_error* error) BBZ_NOEXCEPT;
// Frees a report.
BBZ_API void bbz_report_free(bbz_report* report) BBZ_NOEXCEPT;

// Describes a report.
typedef struct bbz_report_info {
  size_t struct_size;     // the size of this struct, which the caller sets
  uint64_t damage_count;  // chunks, tensors and files that are wrong
  uint64_t listed_count;  // number of those that bbz_report_damage describes: the first hundred
  uint64_t file_count;    // checked, as are those below
  uint64_t tensor_count;  // of the kinds tensor and operand
  uint64_t chunk_count;   // of all tensors, and of bytes that are no tensor
  // The length of the archive. If `broken` is not BBZ_OK: the offset of the last record that was
  // read.
  uint64_t archive_bytes;
  // If not BBZ_OK, damage of the structure ended the reading, and the rest is not known.
  bbz_code broken;
  char root[80];  // root digest, as in bbz_archive_info; empty if the end was not reached
  // Chunks that were not decoded, because they lean on a base that was not given or does not serve: no
  // damage. Written if struct_size includes it.
  uint64_t without_base;
} bbz_report_info;

// Fills in the description of a report.
BBZ_API bbz_code bbz_report_get(const bbz_report* report, bbz_report_info* info,
                                bbz_error* error) BBZ_NOEXCEPT;

// Describes something that is damaged.
typedef struct bbz_damage {
  size_t struct_size;  // the size of this struct, which the caller sets
  // The path; empty for an operand, and if it is no single file. The texts here end at their first
  // zero byte.
  const char* file;
  const char* tensor;       // name; empty for bytes that are no tensor, and for a file
  const char* message;      // what is wrong
  bbz_code code;            // the kind of error
  uint32_t chunk;           // number of the chunk in its tensor, or BBZ_NONE
  uint64_t archive_offset;  // of the chunk's payload; 0 if there is no chunk
} bbz_damage;

// Describes a damage, by number. Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that is not below
// listed_count.
BBZ_API bbz_code bbz_report_damage(const bbz_report* report, size_t number, bbz_damage* damage,
                                   bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
