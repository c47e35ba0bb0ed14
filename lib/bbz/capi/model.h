// bbz_model: the tensors of one model, whatever it is stored in; compares and estimates models.
#ifndef BBZ_CAPI_MODEL_H
#define BBZ_CAPI_MODEL_H

#include "bbz/capi/progress.h"
#include "bbz/capi/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

// An open model: a safetensors file, a GGUF file, a file of torch.save, a bbz archive, or a directory
// with some of the first three. Its calls may be made from many threads.
typedef struct bbz_model bbz_model;

// Options of opening a model.
typedef struct bbz_model_options {
  size_t struct_size;        // the size of this struct, which the caller sets
  const bbz_limits* limits;  // of an archive; null: the defaults
  uint32_t threads;          // number of threads that read and decode; 0: BBZ_ALL_CORES
  uint32_t reserved;         // must be 0
  // Where the tensors are on which those of an archive lean, as in bbz_reader_options. Belongs to the
  // options if struct_size includes it.
  const bbz_base* base;
} bbz_model_options;

// Opens a model at a path. Errors: BBZ_ERROR_NOT_FOUND; BBZ_ERROR_INVALID_ARGUMENT if there is no
// model, or if two files of a directory have a tensor of the same name; BBZ_ERROR_UNSUPPORTED for an
// unknown dtype; those of reading the format.
BBZ_API bbz_code bbz_model_open(const char* path, const bbz_model_options* options,
                                bbz_model** model, bbz_error* error) BBZ_NOEXCEPT;
// Opens the model that a source reads. `name` is the name of its file, which helps to recognise the
// format; null: none. Errors: those of bbz_model_open; BBZ_ERROR_INVALID_ARGUMENT if the source cannot
// seek.
BBZ_API bbz_code bbz_model_open_source(const bbz_source* source, const char* name,
                                       const bbz_model_options* options, bbz_model** model,
                                       bbz_error* error) BBZ_NOEXCEPT;
// Frees a model.
BBZ_API void bbz_model_free(bbz_model* model) BBZ_NOEXCEPT;

// Describes a model.
typedef struct bbz_model_info {
  size_t struct_size;       // the size of this struct, which the caller sets
  uint32_t tensor_count;    // tensors are numbered from 0, in the order of their data
  uint32_t metadata_count;  // entries of the "__metadata__" of a safetensors file
  uint32_t is_archive;      // 1: a bbz archive
  uint32_t reserved;        // 0
  uint64_t tensor_bytes;    // of all tensors together
  uint64_t stored_bytes;    // of its files, or of the archive's payloads
  char root[80];            // root digest of an archive, as in bbz_archive_info; else empty
} bbz_model_info;

// Fills in the description of a model. For an archive, reads the metadata of its files.
BBZ_API bbz_code bbz_model_get(const bbz_model* model, bbz_model_info* info,
                               bbz_error* error) BBZ_NOEXCEPT;

// Describes a tensor, by number. What only an archive has is BBZ_NONE or 0; of a tensor of an
// archive, `file` and `base` are numbers of the archive. Pointers live as long as the model. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist.
BBZ_API bbz_code bbz_model_tensor(const bbz_model* model, uint32_t tensor, bbz_tensor_info* info,
                                  bbz_error* error) BBZ_NOEXCEPT;
// Finds the number of the tensor with this name. Errors: BBZ_ERROR_NOT_FOUND;
// BBZ_ERROR_INVALID_ARGUMENT if several files of an archive have one.
BBZ_API bbz_code bbz_model_find(const bbz_model* model, const char* name, size_t length,
                                uint32_t* tensor, bbz_error* error) BBZ_NOEXCEPT;

// Makes a reader of the archive that a model is in, without opening it again; the caller frees it.
// Errors: BBZ_ERROR_UNSUPPORTED if the model is in no archive.
BBZ_API bbz_code bbz_model_reader(const bbz_model* model, bbz_reader** reader,
                                  bbz_error* error) BBZ_NOEXCEPT;

// A key and a value of the "__metadata__" of a safetensors file. Pointers live as long as the model.
typedef struct bbz_model_text {
  size_t struct_size;   // the size of this struct, which the caller sets
  const char* key;      // UTF-8
  size_t key_length;    // bytes
  const char* value;    // UTF-8
  size_t value_length;  // bytes
} bbz_model_text;

// Fills in an entry of the metadata, by number. Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that
// does not exist.
BBZ_API bbz_code bbz_model_metadata(const bbz_model* model, uint32_t number, bbz_model_text* text,
                                    bbz_error* error) BBZ_NOEXCEPT;

// Reads bytes [offset, offset + size) of a tensor, which are row-major and little-endian. Errors:
// BBZ_ERROR_INVALID_ARGUMENT for a number or range that does not exist; those of reading.
BBZ_API bbz_code bbz_model_read_bytes(const bbz_model* model, uint32_t tensor, uint64_t offset,
                                      void* buffer, size_t size, bbz_error* error) BBZ_NOEXCEPT;
// Reads rows [first, first + count) along the outermost axis, as bbz_reader_read_rows does.
BBZ_API bbz_code bbz_model_read_rows(const bbz_model* model, uint32_t tensor, uint64_t first,
                                     uint64_t count, void* buffer, size_t size,
                                     bbz_error* error) BBZ_NOEXCEPT;
// Reads the targets with all of the model's threads, as bbz_reader_read_many does.
BBZ_API bbz_code bbz_model_read_many(const bbz_model* model, const bbz_target* targets,
                                     size_t count, const bbz_many_options* options,
                                     bbz_error* error) BBZ_NOEXCEPT;

// Options of bbz_compare and bbz_estimate.
typedef struct bbz_model_work {
  size_t struct_size;     // the size of this struct, which the caller sets
  uint32_t threads;       // number of threads of linear algebra, for bbz_estimate; 0: BBZ_ALL_CORES
  uint32_t reserved;      // must be 0
  bbz_progress progress;  // counts bytes of tensors that are loaded; may be null
  void* user;             // passed to `progress`
} bbz_model_work;

// How two models differ.
typedef struct bbz_comparison bbz_comparison;

// Compares two models tensor by tensor and, if they can be rotated, up to rotation; low-rank pairs by
// their products. Cancelling waits for the linear algebra of one junction or pair. Errors: those of reading; BBZ_ERROR_CANCELLED.
BBZ_API bbz_code bbz_compare(const bbz_model* first, const bbz_model* second,
                             const bbz_model_work* options, bbz_comparison** comparison,
                             bbz_error* error) BBZ_NOEXCEPT;
// Frees a comparison.
BBZ_API void bbz_comparison_free(bbz_comparison* comparison) BBZ_NOEXCEPT;

// Describes a comparison.
typedef struct bbz_comparison_info {
  size_t struct_size;         // the size of this struct, which the caller sets
  uint64_t tensor_count;      // of both models
  uint64_t identical_count;   // tensors that are identical in type, shape and bytes
  uint64_t orbit_count;       // junctions at which the distance up to rotation was measured
  double largest_difference;  // of an entry; infinite if a tensor is in one model only
  const char* no_orbits;      // why there are no orbits; empty if there are
  uint64_t pair_count;        // low-rank pairs of either model
  uint64_t same_pair_count;   // pairs whose products are the same matrix up to rounding
  const char* no_pairs;       // why there are no pairs; empty if there are
} bbz_comparison_info;

// Fills in the description of a comparison. Pointers, here and below, live as long as it.
BBZ_API bbz_code bbz_comparison_get(const bbz_comparison* comparison, bbz_comparison_info* info,
                                    bbz_error* error) BBZ_NOEXCEPT;

// How a tensor differs.
typedef struct bbz_tensor_difference {
  size_t struct_size;       // the size of this struct, which the caller sets
  const char* name;         // of the tensor
  size_t name_length;       // bytes, without the zero byte at the end
  const char* note;         // why the tensors cannot be compared; empty if they can
  uint32_t identical;       // 1: in type, shape and bytes
  uint32_t reserved;        // 0
  double largest;           // largest absolute difference
  double root_mean_square;  // of the differences
  double norm;              // root mean square of the first tensor
} bbz_tensor_difference;

// Fills in the difference of a tensor, by number. Errors, here and below: BBZ_ERROR_INVALID_ARGUMENT
// for a number that does not exist.
BBZ_API bbz_code bbz_comparison_tensor(const bbz_comparison* comparison, uint64_t number,
                                       bbz_tensor_difference* difference,
                                       bbz_error* error) BBZ_NOEXCEPT;

// The distance of two models at a junction.
typedef struct bbz_orbit {
  size_t struct_size;  // the size of this struct, which the caller sets
  const char* name;    // of the junction
  size_t name_length;  // bytes, without the zero byte at the end
  double plain;        // relative distance as they are
  double rotated;      // relative distance after the best rotation of the first
  double largest;      // largest entry of the difference after it
} bbz_orbit;

// Fills in the distance at a junction, by number.
BBZ_API bbz_code bbz_comparison_orbit(const bbz_comparison* comparison, uint64_t number,
                                      bbz_orbit* orbit, bbz_error* error) BBZ_NOEXCEPT;

// How the product A B of a low-rank pair of the first model differs from what the second has for it:
// another pair, or the matrix for which the pair stands. Either model may have the matrix.
typedef struct bbz_pair_distance {
  size_t struct_size;    // the size of this struct, which the caller sets
  const char* name;      // what the names of A and B have in common
  size_t name_length;    // bytes, without the zero byte at the end
  const char* verdict;   // "identical", "one matrix, factored twice", "one matrix, whole and
                         // factored", "different matrices" or "not compared"
  const char* note;      // why the products cannot be compared; empty if they can
  uint32_t same;         // 1: the products are the same matrix up to rounding
  uint32_t identical;    // 1: the factors have the same types and bytes
  uint64_t first_rank;   // 0: a matrix
  uint64_t second_rank;  // 0: a matrix
  double plain;          // relative distance of the factors; infinite if the ranks differ
  double product;        // relative distance of the products, in the Frobenius norm
  double largest;        // largest entry of the difference of the products
  double rounding;  // what `product` is if each stored entry of both models is off by one unit in
                    // the last place of its type, independently
  double of_rounding;  // the same quotient for a row or column of the products, of all the largest:
                       // they are the same if it is at most 1, and `rounding` is less than 1
} bbz_pair_distance;

// Fills in the distance of a pair, by number.
BBZ_API bbz_code bbz_comparison_pair(const bbz_comparison* comparison, uint64_t number,
                                     bbz_pair_distance* distance, bbz_error* error) BBZ_NOEXCEPT;

// What packing a model with a BBZ_SYMMETRY_ method would save before the float coder.
typedef struct bbz_estimate_result bbz_estimate_result;

// Estimates it without packing. Cancelling waits for the linear algebra of one junction. Errors: those
// of reading; BBZ_ERROR_LIMIT if the work is out of proportion to the model; BBZ_ERROR_CANCELLED.
BBZ_API bbz_code bbz_estimate(const bbz_model* model, const bbz_model_work* options,
                              bbz_estimate_result** result, bbz_error* error) BBZ_NOEXCEPT;
// Frees an estimate.
BBZ_API void bbz_estimate_free(bbz_estimate_result* result) BBZ_NOEXCEPT;

// Describes an estimate.
typedef struct bbz_estimate_info {
  size_t struct_size;       // the size of this struct, which the caller sets
  const char* family;       // the architecture of the model; empty if it is not known
  const char* refusal;      // why nothing can be rotated; empty if something can
  uint64_t junction_count;  // junctions are numbered from 0
  uint64_t entries;         // of the whole model
  uint64_t bits;            // of those entries
  uint64_t pair_count;      // low-rank pairs are numbered from 0
} bbz_estimate_info;

// Fills in the description of an estimate. Pointers, here and below, live as long as it.
BBZ_API bbz_code bbz_estimate_get(const bbz_estimate_result* result, bbz_estimate_info* info,
                                  bbz_error* error) BBZ_NOEXCEPT;

// What each method saves at a junction.
typedef struct bbz_junction {
  size_t struct_size;           // the size of this struct, which the caller sets
  const char* name;             // of the junction
  size_t name_length;           // bytes, without the zero byte at the end
  const char* note;             // the first reason why a method is not possible; may be empty
  uint64_t width;               // 0 if the junction is refused
  uint64_t triangular_entries;  // entries that need not be stored
  uint64_t polar_entries;       // entries that need not be stored
  double bits_back_bits;        // payload less correction code
} bbz_junction;

// Fills in a junction, by number. Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist.
BBZ_API bbz_code bbz_estimate_junction(const bbz_estimate_result* result, uint64_t number,
                                       bbz_junction* junction, bbz_error* error) BBZ_NOEXCEPT;

// What pivot saves at a low-rank pair.
typedef struct bbz_pair {
  size_t struct_size;      // the size of this struct, which the caller sets
  const char* name;        // what the names of its two tensors have in common
  size_t name_length;      // bytes, without the zero byte at the end
  const char* note;        // why pivot is not possible or does not pay; may be empty
  uint64_t rank;           // 0 if the pair is refused
  uint64_t pivot_entries;  // entries that need not be stored
} bbz_pair;

// Fills in a pair, by number. Errors: BBZ_ERROR_INVALID_ARGUMENT for a number that does not exist.
BBZ_API bbz_code bbz_estimate_pair(const bbz_estimate_result* result, uint64_t number,
                                   bbz_pair* pair, bbz_error* error) BBZ_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
