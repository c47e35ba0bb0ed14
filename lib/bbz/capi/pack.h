// Packs files into an archive, and unpacks them again: what the commands of these names do.
#ifndef BBZ_CAPI_PACK_H
#define BBZ_CAPI_PACK_H

#include "bbz/capi/progress.h"
#include "bbz/capi/reader.h"
#include "bbz/capi/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether a model is rotated so that less must be stored, which does not change its function but its
// bytes.
enum {
  BBZ_SYMMETRY_OFF = 0,  // packs exactly
  BBZ_SYMMETRY_AUTO = 1,
  BBZ_SYMMETRY_BITS_BACK = 2,
  BBZ_SYMMETRY_TRIANGULAR = 3,
  BBZ_SYMMETRY_POLAR = 4,
  BBZ_SYMMETRY_PIVOT = 5
};

// The format of the files of a rotated model.
enum {
  BBZ_SYMMETRY_AS_SAME = 0,  // that of the model's files
  BBZ_SYMMETRY_AS_SAFETENSORS =
      1  // safetensors also for a file of PyTorch, of which only the tensors stay
};

// Options of bbz_pack.
typedef struct bbz_pack_options {
  size_t struct_size;          // the size of this struct, which the caller sets
  const bbz_writing* writing;  // null: the defaults
  // Patterns of files and directories below a directory that are left out. A pattern with a '/' is
  // matched against the whole path, any other against its last component. The lists may be null if
  // their counts are 0.
  const char* const* excluded;
  size_t excluded_count;              // length of `excluded`
  const char* const* opaque;          // patterns of files that are packed as plain bytes
  size_t opaque_count;                // length of `opaque`
  const char* const* layer_patterns;  // further places of layer numbers, such as "stages.#"
  size_t layer_pattern_count;         // length of `layer_patterns`
  uint32_t symmetry;                  // a BBZ_SYMMETRY_ number
  uint32_t all_opaque;                // not 0: packs every file as plain bytes
  uint32_t index_first;               // not 0: writes an index at the front too
  uint32_t modes;                     // not 0: records permissions
  uint32_t times;                     // not 0: records modification times
  uint32_t skip_unreadable;  // not 0: leaves out what cannot be packed; bbz_written counts it
  uint32_t follow_links;     // not 0: follows links that lead out of the directory
  uint32_t reserved;         // must be 0
  bbz_progress progress;     // counts bytes of the files; may be null
  void* user;                // passed to `progress`
  // Tensors that are there with the same name, dtype and shape are stored relative to those; null: none.
  // What is there must not change meanwhile. Cannot be combined with symmetry. Belongs to the options if
  // struct_size includes it.
  const bbz_base* base;
  // Of tensors that a rotation rounds again: bits below the rounding noise of their row, in hundredths
  // of it, are not kept: 0, 50 or 100. Belongs to the options if struct_size includes it.
  uint32_t symmetry_floor;
  uint32_t
      symmetry_as;  // a BBZ_SYMMETRY_AS_ number; belongs to the options if struct_size includes it
} bbz_pack_options;

// Packs a file or a directory into an archive, which appears at `output` when it is complete.
// `written` may be null. Errors: BBZ_ERROR_EXISTS if something is at `output`; BBZ_ERROR_NOT_FOUND;
// BBZ_ERROR_INVALID_ARGUMENT for values out of range, and for an entry that cannot be packed;
// BBZ_ERROR_CANCELLED; BBZ_ERROR_IO, also if a file changed while it was read; those of the formats
// of files.
BBZ_API bbz_code bbz_pack(const char* input, const char* output, const bbz_pack_options* options,
                          bbz_written* written, bbz_error* error) BBZ_NOEXCEPT;

// Options of bbz_unpack.
typedef struct bbz_unpack_options {
  size_t struct_size;  // the size of this struct, which the caller sets
  // What to unpack. If it selects tensors, these are written as safetensors files. Null: all files.
  const bbz_selection* selection;
  const bbz_limits* limits;   // null: the defaults
  const char* expected_root;  // as in bbz_verify_options; null: any
  uint32_t threads;           // number of threads that decode; 0: BBZ_ALL_CORES
  uint32_t one_file;          // not 0: `output` is a file, for one selected file or for tensors
  uint32_t replace;           // not 0: existing files are replaced
  uint32_t no_sync;           // not 0: does not wait until files are on the disk
  uint32_t modes;             // not 0: restores permissions that the archive records
  uint32_t times;             // not 0: restores modification times that the archive records
  bbz_progress progress;      // counts bytes that are written; may be null
  void* user;                 // passed to `progress`
  // Where the tensors are on which those of the archive lean, as in bbz_reader_options. Belongs to the
  // options if struct_size includes it.
  const bbz_base* base;
} bbz_unpack_options;

// Describes what was unpacked.
typedef struct bbz_unpacked {
  size_t struct_size;     // the size of this struct, which the caller sets
  uint64_t file_count;    // including empty directories
  uint64_t tensor_count;  // if tensors were selected, their number; else 0
  uint64_t bytes;         // of the files, or of the tensors
  uint32_t exact;         // 1: as it was packed; 0: a model was rotated up to its symmetry
  uint32_t reserved;      // 0
  char root[80];          // root digest, as in bbz_archive_info
} bbz_unpacked;

// Writes the files of an archive below the directory `output`, which is created if it is missing. A
// file appears when all of its bytes are there and correct. `unpacked` may be null. If the call fails
// or is cancelled, no file is left that is not complete, and directories that it created are removed
// if they are empty; complete files stay. Errors: BBZ_ERROR_EXISTS, before anything is written, if a
// file is in the way; BBZ_ERROR_NOT_FOUND if nothing is selected; BBZ_ERROR_UNSAFE_PATH for a link in
// the way; BBZ_ERROR_DIGEST_MISMATCH; BBZ_ERROR_CANCELLED; those of reading. The source must be one
// that a reader can open.
BBZ_API bbz_code bbz_unpack(const bbz_source* source, const char* output,
                            const bbz_unpack_options* options, bbz_unpacked* unpacked,
                            bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
