// Plans in C: which byte ranges of an archive to read, for callers that fetch and check them with a
// transport of their own.
#ifndef BBZ_CAPI_PLAN_H
#define BBZ_CAPI_PLAN_H

#include "bbz/capi/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

// Means, as bbz_plan_options::gap, that only pieces that touch share a range.
#define BBZ_NO_GAP UINT64_MAX

// Means, as bbz_part::size, up to the end of the tensor.
#define BBZ_TO_THE_END UINT64_MAX

// Decoded bytes [offset, offset + size) of a tensor. The layout of this struct never changes.
typedef struct bbz_part {
  uint64_t offset;    // of the first byte, from the beginning of the tensor
  uint64_t size;      // bytes, or BBZ_TO_THE_END
  uint32_t tensor;    // number of the tensor
  uint32_t reserved;  // must be 0
} bbz_part;

// Makes the part for rows [first, first + count), as bbz_reader_read_rows reads them. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for a tensor or rows that do not exist.
BBZ_API bbz_code bbz_reader_rows(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                 uint64_t count, bbz_part* part, bbz_error* error) BBZ_NOEXCEPT;

// Options of bbz_reader_plan.
typedef struct bbz_plan_options {
  size_t struct_size;  // the size of this struct, which the caller sets
  // Pieces with at most this many bytes between them share a range; 0: 16 KiB.
  uint64_t gap;
  // A range ends before a piece that would make it longer than this; 0: no limit.
  uint64_t most_bytes;
  // If not 0, the metadata of the archive and of the parts' files is planned too.
  uint32_t metadata;
  uint32_t reserved;  // must be 0
} bbz_plan_options;

// The pieces that hold the parts, and the ranges to fetch.
typedef struct bbz_plan bbz_plan;

// Plans what the reader would read for these parts: their chunks, and the tensors and groups that
// they are derived from. Reads the payloads of the groups. Errors: BBZ_ERROR_INVALID_ARGUMENT for a
// part that does not exist; BBZ_ERROR_UNSUPPORTED and _MALFORMED for a tensor that cannot be read;
// those of reading.
BBZ_API bbz_code bbz_reader_plan(const bbz_reader* reader, const bbz_part* parts, size_t part_count,
                                 const bbz_plan_options* options, bbz_plan** plan,
                                 bbz_error* error) BBZ_NOEXCEPT;
// Frees a plan.
BBZ_API void bbz_plan_free(bbz_plan* plan) BBZ_NOEXCEPT;

// Describes a plan.
typedef struct bbz_plan_info {
  size_t struct_size;    // the size of this struct, which the caller sets
  uint64_t piece_count;  // pieces are numbered from 0
  uint64_t range_count;  // ranges are numbered from 0
  uint64_t piece_bytes;  // of the pieces, without the gaps between them
  uint64_t fetch_bytes;  // of the ranges, including the gaps in them
} bbz_plan_info;

// Fills in the description of a plan.
BBZ_API bbz_code bbz_plan_get(const bbz_plan* plan, bbz_plan_info* info,
                              bbz_error* error) BBZ_NOEXCEPT;

// Bytes of the archive to fetch at once, and the pieces in them. Ranges and pieces are ordered by
// offset.
typedef struct bbz_range {
  size_t struct_size;    // the size of this struct, which the caller sets
  uint64_t offset;       // of its first byte, in the archive
  uint64_t length;       // bytes, including the gaps
  uint64_t first_piece;  // number of the first piece in it
  uint64_t piece_count;  // number of pieces in it
} bbz_range;

// Fills in a range of the plan, by number. Errors, here and below: BBZ_ERROR_INVALID_ARGUMENT for a
// number that does not exist.
BBZ_API bbz_code bbz_plan_range(const bbz_plan* plan, uint64_t number, bbz_range* range,
                                bbz_error* error) BBZ_NOEXCEPT;

// The content of a piece.
enum {
  BBZ_PIECE_CHUNK = 0,    // of a tensor
  BBZ_PIECE_GROUP = 1,    // of tensors that are stored up to a symmetry
  BBZ_PIECE_METADATA = 2  // a value of the archive or of a file
};

// One record of the archive: a head, which holds the payload's check, and the payload.
typedef struct bbz_piece {
  size_t struct_size;    // the size of this struct, which the caller sets
  uint64_t offset;       // of its first byte, in the archive
  uint64_t length;       // bytes
  uint64_t head_length;  // bytes of `length` before the payload
  uint32_t what;         // a BBZ_PIECE_ number
  uint32_t number;       // of the chunk's tensor, of the group or of the metadata
  uint32_t chunk;        // number of the chunk in its tensor, or BBZ_NONE
} bbz_piece;

// Fills in a piece of the plan, by number.
BBZ_API bbz_code bbz_plan_piece(const bbz_plan* plan, uint64_t number, bbz_piece* piece,
                                bbz_error* error) BBZ_NOEXCEPT;

// Checks that fetched bytes are those of a piece. `size` is its length. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for another size; BBZ_ERROR_CHECKSUM, with the offset.
BBZ_API bbz_code bbz_plan_check(const bbz_plan* plan, uint64_t number, const void* bytes,
                                size_t size, bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
