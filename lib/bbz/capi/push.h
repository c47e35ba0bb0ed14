// The push decoder in C: decodes an archive whose bytes are fed as they arrive, in any order. It
// says what it has checked and what it needs next, passes tensors to callbacks as they become
// whole, and can save and restore its state.
#ifndef BBZ_CAPI_PUSH_H
#define BBZ_CAPI_PUSH_H

#include "bbz/capi/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

// A decoder. It serves one thread at a time, also in calls that take it as const.
typedef struct bbz_push bbz_push;

// Receives the content of an archive as it becomes known. Callbacks are called within calls of the
// decoder, and may themselves only call bbz_push_file and bbz_push_tensor. Each may be null.
// Arguments live until the callback returns. A callback returns 0 to continue; any other value ends
// the decoding, and the negative of an errno is reported as in bbz_callbacks.
typedef struct bbz_receiver {
  size_t struct_size;  // the size of this struct, which the caller sets
  void* user;          // passed to each callback

  // Called once, when every record is known; data may have come before.
  int (*structure)(void* user);
  // Called for each metadata value, which has `length` bytes and no zero byte at its end.
  int (*metadata)(void* user, const bbz_metadata_info* info, const char* value, size_t length);
  // Called once for each tensor, with its number in the archive, before its data.
  int (*begin_tensor)(void* user, uint32_t tensor, const bbz_tensor_info* info);
  // Called with decoded and checked bytes of a tensor, which begin at byte `offset` of it. Each
  // byte is passed once, and chunks come in the order in which they become whole.
  int (*data)(void* user, uint32_t tensor, uint64_t offset, const void* bytes, size_t size);
  // Called when all bytes of a tensor have been passed.
  int (*end_tensor)(void* user, uint32_t tensor);
  // Called when all tensors of a file have ended; not if one is not selected or has failed.
  int (*end_file)(void* user, uint32_t file, const bbz_file_info* info);
  // Called if stored bytes arrived whole but do not decode, or lean on a base that is not at hand:
  // fetching them again would not help. `chunk` is BBZ_NONE if the whole tensor is affected. If the
  // callback is null, this ends the decoding.
  int (*failed)(void* user, uint32_t tensor, uint32_t chunk, bbz_code code, const char* message);
  // Called without a store only, if a chunk repeats bytes of a tensor that `data` passed before: writes
  // `size` of them, from byte `offset` of the tensor on, into `buffer`. They are checked. If the result
  // is not 0, or the callback is null, the tensor with that chunk fails, which `failed` is told.
  int (*recall)(void* user, uint32_t tensor, uint64_t offset, void* buffer, size_t size);
} bbz_receiver;

// Keeps bytes while the archive is not complete, usually in the partial file. Each callback returns
// 0 or the negative of an errno.
typedef struct bbz_store {
  size_t struct_size;  // the size of this struct, which the caller sets
  // Passed to each callback.
  void* user;
  // Writes bytes at `offset`, over what was there.
  int (*write)(void* user, uint64_t offset, const void* bytes, size_t size);
  // Reads `size` bytes that were written.
  int (*read)(void* user, uint64_t offset, void* buffer, size_t size);
  // Returns when what was written will survive a system crash. May be null.
  int (*sync)(void* user);
} bbz_store;

// Options of bbz_push_new.
typedef struct bbz_push_options {
  size_t struct_size;  // the size of this struct, which the caller sets
  uint64_t total;      // length of the archive; 0: not known yet

  // Where to keep bytes: in a file, which is created if it is missing, or through callbacks. The
  // file must be regular, belong to this user and have no other name, and nobody else may be able
  // to write to it. Without a store, bytes are held in memory until their record is whole: one
  // record at a time if they come in order, up to `memory` bytes if not.
  const char* store_path;
  const bbz_store* store;  // the callbacks; null if store_path is set or there is no store
  uint64_t memory;         // bytes; 0: 64 MiB
  uint64_t most_ranges;    // separate ranges that may be there at a time; 0: 2^18
  // The number of threads that derive tensors which are not stored; 0: BBZ_ALL_CORES.
  uint32_t threads;

  uint32_t check_only;  // not 0: tensors are only checked, and neither decoded nor passed on
  // If not 0, bbz_push_needs asks for the structure first, so that each record can be checked
  // alone.
  uint32_t structure_first;
  // If not 0, bbz_push_needs asks only for what is selected, and the decoding is complete with
  // that.
  uint32_t only_selected;
  // The tensors that are passed to the receiver; null: all of them.
  const bbz_selection* selection;
  const bbz_limits* limits;  // null: the defaults
  // The fields below are read if struct_size includes them.
  // Where the tensors are on which those of the archive lean, for an archive that bbz pack --base made;
  // null: nowhere, and then what leans fails with BBZ_ERROR_UNSUPPORTED. It may be freed before the new
  // decoder. A base that has other bytes fails with BBZ_ERROR_BASE.
  const bbz_base* base;
} bbz_push_options;

// Makes a decoder. What the arguments point to is copied. With a null receiver, content is decoded
// and dropped; set check_only if it need not be decoded. Errors: BBZ_ERROR_IO and _NOT_FOUND for
// the file of the store, and _EXISTS if it is refused; BBZ_ERROR_INVALID_ARGUMENT for two stores
// and for a store without `write` or `read`.
BBZ_API bbz_code bbz_push_new(const bbz_push_options* options, const bbz_receiver* receiver,
                              bbz_push** push, bbz_error* error) BBZ_NOEXCEPT;
// Frees a decoder.
BBZ_API void bbz_push_free(bbz_push* push) BBZ_NOEXCEPT;

// Takes the bytes that begin at `offset`, and ignores those that are there already. Bytes that turn
// out to be damaged are not an error: bbz_push_faults and bbz_push_needs report them.
//
// Errors after which the decoder can still be used, and bytes that were not taken can be fed again:
// BBZ_ERROR_INVALID_ARGUMENT for bytes past the end; BBZ_ERROR_LIMIT if too much would have to be
// kept; BBZ_ERROR_IO of the store. All other errors are final: the archive breaks a rule, or a
// callback ended the decoding.
BBZ_API bbz_code bbz_push_feed(bbz_push* push, uint64_t offset, const void* bytes, size_t size,
                               bbz_error* error) BBZ_NOEXCEPT;
// Takes bytes [begin, end) that are in the store already. Errors: those of bbz_push_feed;
// BBZ_ERROR_INVALID_ARGUMENT without a store.
BBZ_API bbz_code bbz_push_adopt(bbz_push* push, uint64_t begin, uint64_t end,
                                bbz_error* error) BBZ_NOEXCEPT;
// Sets the length of the archive, if it becomes known later. Errors: BBZ_ERROR_INVALID_ARGUMENT if
// another length is known already, or if bytes beyond it were fed.
BBZ_API bbz_code bbz_push_set_total(bbz_push* push, uint64_t total, bbz_error* error) BBZ_NOEXCEPT;
// Checks that everything is there and correct; to be called when no more will be fed. Errors: the
// one that ended the decoding; that of the first damage; BBZ_ERROR_TRUNCATED with the first range
// that is missing.
BBZ_API bbz_code bbz_push_finish(bbz_push* push, bbz_error* error) BBZ_NOEXCEPT;

// Bytes [begin, end) of the archive. The layout of this struct never changes.
typedef struct bbz_byte_range {
  uint64_t begin;  // offset of the first byte
  uint64_t end;    // offset after the last byte
} bbz_byte_range;

// Writes what to fetch next, in the order to fetch it: at most `capacity` ranges. Ranges with at
// most `gap` bytes between them are joined. `count` receives their number: 0 if everything is there
// or the decoding has failed. The end of a range may be BBZ_UNKNOWN.
BBZ_API bbz_code bbz_push_needs(const bbz_push* push, uint64_t gap, bbz_byte_range* ranges,
                                size_t capacity, size_t* count, bbz_error* error) BBZ_NOEXCEPT;

// Describes the progress of a decoder.
typedef struct bbz_push_info {
  size_t struct_size;       // the size of this struct, which the caller sets
  uint64_t total;           // length of the archive; 0: not known
  uint64_t verified_bytes;  // known to be correct
  uint64_t there_bytes;     // fed or adopted, and not damaged
  uint32_t complete;        // 1: bbz_push_finish would succeed
  uint32_t has_structure;   // 1: every record is known
  uint32_t file_count;      // known so far
  uint32_t tensor_count;    // known so far
  char root[80];            // root digest, as in bbz_archive_info; empty without the structure
} bbz_push_info;

// Fills in the progress of a decoder.
BBZ_API bbz_code bbz_push_get(const bbz_push* push, bbz_push_info* info,
                              bbz_error* error) BBZ_NOEXCEPT;
// Describes a file that is known so far, by number. Pointers in the struct live until more is fed.
// Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that is not known.
BBZ_API bbz_code bbz_push_file(const bbz_push* push, uint32_t file, bbz_file_info* info,
                               bbz_error* error) BBZ_NOEXCEPT;
// Describes a tensor that is known so far, by number, like bbz_push_file.
BBZ_API bbz_code bbz_push_tensor(const bbz_push* push, uint32_t tensor, bbz_tensor_info* info,
                                 bbz_error* error) BBZ_NOEXCEPT;

// Describes bytes that were fed and are not what the archive must have at their place.
typedef struct bbz_push_fault {
  size_t struct_size;   // the size of this struct, which the caller sets
  uint64_t begin;       // fetch [begin, end) again
  uint64_t end;         // the offset after the last of these bytes
  const char* message;  // lives until the next bbz_push_faults
  bbz_code code;        // the kind of error that `message` describes
  uint32_t times;       // number of times that bytes for it were found wrong
} bbz_push_fault;

// Lists what is damaged and has not been replaced by correct bytes since. `count` receives the
// length of the list.
BBZ_API bbz_code bbz_push_faults(bbz_push* push, size_t* count, bbz_error* error) BBZ_NOEXCEPT;
// Describes an entry of the list that bbz_push_faults made; they are ordered by offset. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist.
BBZ_API bbz_code bbz_push_get_fault(const bbz_push* push, size_t number, bbz_push_fault* fault,
                                    bbz_error* error) BBZ_NOEXCEPT;

// Syncs the store, and saves to a file what a later decoder with the same store needs to continue.
// Restoring trusts the file: keep it as safe as the store. Nobody but this user can write to it; a
// link at its name is replaced, not followed. `identity` is for the caller, to recognise that it
// still fetches the same file: an ETag, for example; null: empty. Errors:
// BBZ_ERROR_INVALID_ARGUMENT without a store, or if `identity` has more than 65,535 bytes;
// BBZ_ERROR_EXISTS if a directory is in the way; BBZ_ERROR_IO, _NOT_FOUND.
BBZ_API bbz_code bbz_push_save(bbz_push* push, const char* path, const char* identity,
                               bbz_error* error) BBZ_NOEXCEPT;
// Continues from a saved state; to be called first, on a new decoder with the store of the old one.
// Verified payloads are neither read nor passed to the receiver again, except those of groups and
// of derived tensors: anyone who can forge the state decides what is delivered. A null identity is
// not compared. Errors: BBZ_ERROR_EXISTS if the file is not regular, belongs to another user, has
// another name or can be written by others; BBZ_ERROR_DIGEST_MISMATCH if the state has another
// identity, which leaves the decoder unchanged; those of reading the file, as in
// format-spec/state.md; those of bbz_push_feed.
BBZ_API bbz_code bbz_push_restore(bbz_push* push, const char* path, const char* identity,
                                  bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
