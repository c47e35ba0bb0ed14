// Plans from C: which byte ranges of an archive hold what is asked for, for callers that fetch and
// check them by a transport of their own.
#ifndef BBZ_CAPI_PLAN_H
#define BBZ_CAPI_PLAN_H

#include "bbz/capi/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

// As bbz_plan_options::gap: only pieces that touch share a range.
#define BBZ_NO_GAP UINT64_MAX

// As a part's size: to the end of the tensor.
#define BBZ_TO_THE_END UINT64_MAX

// Decoded bytes [offset, offset + size) of a tensor. Its layout never changes.
typedef struct bbz_part {
  uint64_t offset;
  uint64_t size;
  uint32_t tensor;
  uint32_t reserved;  // must be 0
} bbz_part;

// The part that holds rows [first, first + count), as bbz_reader_read_rows reads them.
BBZ_API bbz_code bbz_reader_rows(const bbz_reader* reader, uint32_t tensor, uint64_t first,
                                 uint64_t count, bbz_part* part, bbz_error* error) BBZ_NOEXCEPT;

typedef struct bbz_plan_options {
  size_t struct_size;
  uint64_t gap;         // pieces with at most so many bytes between them share a range; 0: 16 KiB
  uint64_t most_bytes;  // a range ends before the piece that would make it longer; 0: no limit
  uint32_t heads;       // not 0: whole records instead of payloads
  uint32_t metadata;    // not 0: that of the archive and of the files the parts lie in, as well
} bbz_plan_options;

typedef struct bbz_plan bbz_plan;

// Plans what the reader would read for these parts: their chunks, and the tensors and groups that
// they are derived from. Payloads of groups are read for it. Errors: BBZ_ERROR_INVALID_ARGUMENT for
// a part that does not exist; BBZ_ERROR_UNSUPPORTED and _MALFORMED for a tensor that cannot be
// read; those of reading.
BBZ_API bbz_code bbz_reader_plan(const bbz_reader* reader, const bbz_part* parts, size_t part_count,
                                 const bbz_plan_options* options, bbz_plan** plan,
                                 bbz_error* error) BBZ_NOEXCEPT;
BBZ_API void bbz_plan_free(bbz_plan* plan) BBZ_NOEXCEPT;

typedef struct bbz_plan_info {
  size_t struct_size;
  uint64_t piece_count;
  uint64_t range_count;
  uint64_t piece_bytes;
  uint64_t fetch_bytes;  // of the ranges, with the gaps in them
} bbz_plan_info;

BBZ_API bbz_code bbz_plan_get(const bbz_plan* plan, bbz_plan_info* info,
                              bbz_error* error) BBZ_NOEXCEPT;

// Bytes of the archive to fetch in one go, and the pieces in them. Ranges are in the order of
// offsets, and so are pieces.
typedef struct bbz_range {
  size_t struct_size;
  uint64_t offset;
  uint64_t length;
  uint64_t first_piece;
  uint64_t piece_count;
} bbz_range;

// Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist, here and below.
BBZ_API bbz_code bbz_plan_range(const bbz_plan* plan, uint64_t number, bbz_range* range,
                                bbz_error* error) BBZ_NOEXCEPT;

// What a piece holds.
enum {
  BBZ_PIECE_CHUNK = 0,
  BBZ_PIECE_GROUP = 1,  // of tensors that are stored up to a symmetry
  BBZ_PIECE_METADATA = 2
};

// One payload of the archive, or with heads the whole record.
typedef struct bbz_piece {
  size_t struct_size;
  uint64_t offset;
  uint64_t length;
  uint64_t head_length;  // of `length`, what stands before the payload
  uint64_t checksum;     // XXH3 of 64 bits over the payload
  uint32_t what;
  uint32_t number;  // of the chunk's tensor, the group, or the metadata
  uint32_t chunk;   // its number in the tensor, or BBZ_NONE
} bbz_piece;

BBZ_API bbz_code bbz_plan_piece(const bbz_plan* plan, uint64_t number, bbz_piece* piece,
                                bbz_error* error) BBZ_NOEXCEPT;

// Whether bytes that were fetched are those of the piece: `size` is its length. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for another size; BBZ_ERROR_CHECKSUM, _MALFORMED, with the offset.
BBZ_API bbz_code bbz_plan_check(const bbz_plan* plan, uint64_t number, const void* bytes,
                                size_t size, bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
