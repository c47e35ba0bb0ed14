// The push decoder from C: an archive whose bytes are fed as they arrive, in order or not. It says
// what it has checked and what it needs next, hands out tensors as they become whole, and its state
// can be saved and restored.
#ifndef BBZ_CAPI_PUSH_H
#define BBZ_CAPI_PUSH_H

#include "bbz/capi/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

// As the end of a range: the archive's length is not known.
#define BBZ_UNKNOWN UINT64_MAX

// For one thread at a time, in its const calls too.
typedef struct bbz_push bbz_push;

// What an archive turns out to hold, as soon as it is known. The callbacks come from within the
// calls of the decoder, of which they may only make bbz_push_file and bbz_push_tensor; each may be
// null. What is passed lives until the callback returns. They return 0 to go on; anything else ends
// the decoding, the negative of an errno as it does in bbz_callbacks.
typedef struct bbz_receiver {
  size_t struct_size;
  void* user;  // passed to each callback

  // Every record is known; data may have come before.
  int (*structure)(void* user);
  // A value, of `length` bytes and without a zero byte at its end.
  int (*metadata)(void* user, const bbz_metadata_info* info, const char* value, size_t length);
  // Once for each tensor, by its number in the archive, before its data.
  int (*begin_tensor)(void* user, uint32_t tensor, const bbz_tensor_info* info);
  // Decoded and checked bytes of a tensor, from byte `offset` of it: each byte once, the chunks in
  // the order in which they become whole.
  int (*data)(void* user, uint32_t tensor, uint64_t offset, const void* bytes, size_t size);
  // All of it has been handed out.
  int (*end_tensor)(void* user, uint32_t tensor);
  // All tensors of a file have ended.
  int (*end_file)(void* user, uint32_t file, const bbz_file_info* info);
  // What was stored is there, but does not decode: fetching it again would not help. `chunk` is
  // BBZ_NONE where the whole tensor is meant. Null: it ends the decoding.
  int (*failed)(void* user, uint32_t tensor, uint32_t chunk, bbz_code code, const char* message);
} bbz_receiver;

// Where bytes are kept while the archive is not complete; usually the partial file. Each returns 0
// or the negative of an errno.
typedef struct bbz_store {
  size_t struct_size;
  void* user;
  // Keeps bytes as those from `offset` on; what was there is overwritten.
  int (*write)(void* user, uint64_t offset, const void* bytes, size_t size);
  // Gives back bytes that were written, all of them.
  int (*read)(void* user, uint64_t offset, void* buffer, size_t size);
  // Returns when what was written will outlast a failure of the machine. May be null.
  int (*sync)(void* user);
} bbz_store;

typedef struct bbz_push_options {
  size_t struct_size;
  uint64_t total;  // the archive's length; 0: not known yet

  // Where bytes are kept: a file, which is created where it is missing, or callbacks, or neither.
  // The file must be a regular one of this user, under one name, that nobody else can write to.
  // Without, they are held in memory until their record is whole: in order, one record at a time;
  // out of order, up to `memory` bytes.
  const char* store_path;
  const bbz_store* store;
  uint64_t memory;       // bytes; 0: 64 MiB
  uint64_t most_ranges;  // separate ranges that may be there at a time; 0: 2^18
  uint32_t threads;      // that derive tensors which are not stored; 0: the calling thread alone

  uint32_t check_only;  // not 0: nothing is decoded or handed out
  // Not 0: bbz_push_needs asks for the structure first, so that each record can be checked alone.
  uint32_t structure_first;
  // Not 0: it asks for what is selected and nothing else, and with that the decoding is complete.
  uint32_t only_selected;
  // The tensors that are handed out; null: everything.
  const bbz_selection* selection;
  const bbz_limits* limits;  // null: the defaults
} bbz_push_options;

// What the options point to is copied. A null receiver only checks. Errors: BBZ_ERROR_IO,
// _NOT_FOUND for the file of the store, BBZ_ERROR_EXISTS for one that is refused;
// BBZ_ERROR_INVALID_ARGUMENT for two stores.
BBZ_API bbz_code bbz_push_new(const bbz_push_options* options, const bbz_receiver* receiver,
                              bbz_push** push, bbz_error* error) BBZ_NOEXCEPT;
BBZ_API void bbz_push_free(bbz_push* push) BBZ_NOEXCEPT;

// Takes the bytes from `offset` on; those that are there already are passed over. Bytes that turn
// out to be damaged are no error: bbz_push_faults and bbz_push_needs name them.
// Errors after which the decoder works on, the bytes untaken: BBZ_ERROR_INVALID_ARGUMENT for bytes
// past the end; BBZ_ERROR_LIMIT where too much would have to be kept; BBZ_ERROR_IO of the store.
// All others are final: the archive breaks a rule, or a callback ended the decoding.
BBZ_API bbz_code bbz_push_feed(bbz_push* push, uint64_t offset, const void* bytes, size_t size,
                               bbz_error* error) BBZ_NOEXCEPT;
// The same of bytes [begin, end) that are in the store already.
BBZ_API bbz_code bbz_push_adopt(bbz_push* push, uint64_t begin, uint64_t end,
                                bbz_error* error) BBZ_NOEXCEPT;
// The archive's length, where it becomes known later. Errors: BBZ_ERROR_INVALID_ARGUMENT where it
// is known to be another.
BBZ_API bbz_code bbz_push_set_total(bbz_push* push, uint64_t total, bbz_error* error) BBZ_NOEXCEPT;
// No more will be fed: whether everything is there and right. Errors: the one that ended the
// decoding; that of the first damage; BBZ_ERROR_TRUNCATED with the first range that is missing.
BBZ_API bbz_code bbz_push_finish(bbz_push* push, bbz_error* error) BBZ_NOEXCEPT;

// Bytes [begin, end) of the archive. Its layout never changes.
typedef struct bbz_byte_range {
  uint64_t begin;
  uint64_t end;
} bbz_byte_range;

// What to fetch next, in the order to fetch it: at most `capacity` ranges, of which those with at
// most `gap` bytes between them are joined, and how many there are of them. None where everything
// is there. The end of a range may be BBZ_UNKNOWN.
BBZ_API bbz_code bbz_push_needs(const bbz_push* push, uint64_t gap, bbz_byte_range* ranges,
                                size_t capacity, size_t* count, bbz_error* error) BBZ_NOEXCEPT;

// How far it is.
typedef struct bbz_push_info {
  size_t struct_size;
  uint64_t total;           // the archive's length; 0: not known
  uint64_t verified_bytes;  // known to be right
  uint64_t there_bytes;     // in the store, or waiting
  uint32_t complete;        // 1: bbz_push_finish would succeed
  uint32_t has_structure;   // 1: every record is known
  uint32_t file_count;      // known so far
  uint32_t tensor_count;
  char root[80];  // the root digest, as in bbz_archive_info; empty without the structure
} bbz_push_info;

BBZ_API bbz_code bbz_push_get(const bbz_push* push, bbz_push_info* info,
                              bbz_error* error) BBZ_NOEXCEPT;
// The files and tensors that are known so far. Pointers in the structs live until more is fed.
// Errors: BBZ_ERROR_INVALID_ARGUMENT.
BBZ_API bbz_code bbz_push_file(const bbz_push* push, uint32_t file, bbz_file_info* info,
                               bbz_error* error) BBZ_NOEXCEPT;
BBZ_API bbz_code bbz_push_tensor(const bbz_push* push, uint32_t tensor, bbz_tensor_info* info,
                                 bbz_error* error) BBZ_NOEXCEPT;

// Bytes that were fed and are not what the archive must have there.
typedef struct bbz_push_fault {
  size_t struct_size;
  uint64_t begin;  // to be fetched again: [begin, end)
  uint64_t end;
  const char* message;  // lives until the next bbz_push_faults
  bbz_code code;
  uint32_t times;  // how often bytes for it were found wrong
} bbz_push_fault;

// Takes note of what is damaged and was not fed again, and tells how much; then each, by offset.
BBZ_API bbz_code bbz_push_faults(bbz_push* push, size_t* count, bbz_error* error) BBZ_NOEXCEPT;
BBZ_API bbz_code bbz_push_get_fault(const bbz_push* push, size_t number, bbz_push_fault* fault,
                                    bbz_error* error) BBZ_NOEXCEPT;

// Syncs the store and writes to a file what a later decoder with the same store needs to go on.
// What the file says is believed when it is restored: keep it as safe as what comes of the store.
// Nobody but this user can write to it; a link at its name is replaced, not followed. `identity` is
// the caller's, to tell that what it fetches is still the same: an ETag, say. Errors:
// BBZ_ERROR_INVALID_ARGUMENT without a store; BBZ_ERROR_IO.
BBZ_API bbz_code bbz_push_save(bbz_push* push, const char* path, const char* identity,
                               bbz_error* error) BBZ_NOEXCEPT;
// To be called first, on a new decoder. What was verified is neither read nor handed out again, but
// for tensors that have no chunks of their own: who has forged the state decides what is delivered.
// A null identity is not compared. Errors: BBZ_ERROR_EXISTS for a file that is not a regular one of
// this user, under one name, that nobody else can write to; BBZ_ERROR_DIGEST_MISMATCH where the
// state is of another identity, and the decoder is as it was; those of reading the file, as
// format-spec/state.md has them; those of bbz_push_feed.
BBZ_API bbz_code bbz_push_restore(bbz_push* push, const char* path, const char* identity,
                                  bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
