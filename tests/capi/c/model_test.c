// Models in every form that holds tensors, and their comparison.
#include <math.h>
#include <stddef.h>

#include "check.h"

enum { kRows = 300, kBytes = kRows * 128 };

static void check_model(const bbz_model* model, int is_archive, bbz_error* error) {
  bbz_model_info info = {sizeof info, 0, 0, 0, 0, 0, 0, ""};
  CHECK_OK(bbz_model_get(model, &info, error));
  CHECK(info.tensor_count == 4 && info.is_archive == (uint32_t)is_archive);
  CHECK(info.tensor_bytes == 3 * kBytes + 12);
  CHECK((info.root[0] != '\0') == is_archive);
  CHECK(info.metadata_count == 1);
  bbz_model_text text = {sizeof text, NULL, 0, NULL, 0};
  CHECK_OK(bbz_model_metadata(model, 0, &text, error));
  CHECK(strcmp(text.key, "format") == 0 && strcmp(text.value, "pt") == 0);
  CHECK_CODE(bbz_model_metadata(model, 1, &text, error), BBZ_ERROR_INVALID_ARGUMENT);

  uint32_t number = 9;
  CHECK_OK(bbz_model_find(model, "layers.2.w", 10, &number, error));
  CHECK(number == 2);
  CHECK_CODE(bbz_model_find(model, "absent", 6, &number, error), BBZ_ERROR_NOT_FOUND);
  bbz_tensor_info tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.struct_size = sizeof tensor;
  CHECK_OK(bbz_model_tensor(model, 2, &tensor, error));
  CHECK(tensor.dtype == BBZ_DTYPE_BF16 && tensor.rank == 2 && tensor.shape[0] == kRows);
  CHECK(tensor.byte_size == kBytes && strcmp(tensor.name, "layers.2.w") == 0);
  CHECK_CODE(bbz_model_tensor(model, 4, &tensor, error), BBZ_ERROR_INVALID_ARGUMENT);

  unsigned char* const expected = malloc(kBytes);
  unsigned char* const found = malloc(kBytes + 12);
  fill_weights(expected, kBytes, 3);
  CHECK_OK(bbz_model_read_bytes(model, 2, 0, found, kBytes, error));
  CHECK(memcmp(found, expected, kBytes) == 0);
  CHECK_OK(bbz_model_read_rows(model, 2, 17, 5, found, 5 * 128, error));
  CHECK(memcmp(found, expected + 17 * 128, 5 * 128) == 0);
  CHECK_CODE(bbz_model_read_rows(model, 2, kRows, 1, found, 128, error),
             BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_model_read_rows(model, 2, 0, 1, found, 127, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_model_read_bytes(model, 2, kBytes, found, 1, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_model_read_bytes(model, 2, UINT64_MAX, found, 2, error),
             BBZ_ERROR_INVALID_ARGUMENT);

  memset(found, 0, kBytes + 12);
  const float norm[3] = {1.0f, 0.5f, -2.0f};
  const bbz_target targets[4] = {{found + 12 + 128, 128, kBytes - 128, 2, 0},
                                 {found, 0, 12, 3, 0},
                                 {NULL, 5, 0, 0, 0},
                                 {found + 12, 0, 128, 2, 0}};
  CHECK_OK(bbz_model_read_many(model, targets, 4, NULL, error));
  CHECK(memcmp(found, norm, 12) == 0 && memcmp(found + 12, expected, kBytes) == 0);
  const bbz_target beyond = {found, 1, 12, 3, 0};
  CHECK_CODE(bbz_model_read_many(model, &beyond, 1, NULL, error), BBZ_ERROR_INVALID_ARGUMENT);
  const bbz_target nowhere = {found, 0, 12, 4, 0};
  CHECK_CODE(bbz_model_read_many(model, &nowhere, 1, NULL, error), BBZ_ERROR_INVALID_ARGUMENT);
  const bbz_target null = {NULL, 0, 12, 3, 0};
  CHECK_CODE(bbz_model_read_many(model, &null, 1, NULL, error), BBZ_ERROR_INVALID_ARGUMENT);
  free(expected);
  free(found);
}

void test_model(bbz_error* error) {
  write_model("model.safetensors", 3, kRows);
  bbz_model* model = NULL;
  CHECK_OK(bbz_model_open("model.safetensors", NULL, &model, error));
  check_model(model, 0, error);
  bbz_reader* none = NULL;
  CHECK_CODE(bbz_model_reader(model, &none, error), BBZ_ERROR_UNSUPPORTED);
  CHECK(none == NULL);
  bbz_model_free(model);
  CHECK_OK(bbz_model_open(".", NULL, &model, error));
  check_model(model, 0, error);
  bbz_model_free(model);

  bbz_writing writing = {sizeof writing, 4096, 0, 0, 0, 0, 0, 0, 1, 0};
  bbz_pack_options packing;
  memset(&packing, 0, sizeof packing);
  packing.struct_size = sizeof packing;
  packing.writing = &writing;
  CHECK_OK(bbz_pack("model.safetensors", "m.bbz", &packing, NULL, error));
  CHECK_OK(bbz_model_open("m.bbz", NULL, &model, error));
  check_model(model, 1, error);
  bbz_reader* reader = NULL;
  CHECK_OK(bbz_model_reader(model, &reader, error));
  bbz_model_free(model);
  bbz_archive_info archive;
  memset(&archive, 0, sizeof archive);
  archive.struct_size = sizeof archive;
  CHECK_OK(bbz_reader_info(reader, &archive, error));
  CHECK(archive.file_count == 1);
  bbz_reader_free(reader);

  // A file inside of an archive: as a model, and as bytes.
  bbz_source* source = NULL;
  bbz_source* inner = NULL;
  CHECK_OK(bbz_source_open_file("m.bbz", &source, error));
  CHECK_OK(bbz_reader_open(source, NULL, &reader, error));
  CHECK_OK(bbz_reader_open_file(reader, 0, NULL, &inner, error));
  bbz_reader_free(reader);
  bbz_source_free(source);
  size_t size = 0;
  unsigned char* const file = read_whole("model.safetensors", &size);
  uint64_t length = 0;
  CHECK_OK(bbz_source_size(inner, &length, error));
  CHECK(length == size);
  unsigned char buffer[300];
  size_t got = 0;
  CHECK_OK(bbz_source_read(inner, 1000, buffer, 300, &got, error));
  CHECK(got == 300 && memcmp(buffer, file + 1000, 300) == 0);
  CHECK_OK(bbz_source_read(inner, size - 7, buffer, 300, &got, error));
  CHECK(got == 7);
  CHECK_OK(bbz_source_read(inner, size + 7, buffer, 300, &got, error));
  CHECK(got == 0);
  CHECK_OK(bbz_model_open_source(inner, "model.safetensors", NULL, &model, error));
  check_model(model, 0, error);
  bbz_model_free(model);
  bbz_source_free(inner);
  free(file);

  write_file("nothing", "nothing", 7);
  CHECK_CODE(bbz_model_open("nothing", NULL, &model, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK(model == NULL);
  CHECK_CODE(bbz_model_open("absent", NULL, &model, error), BBZ_ERROR_NOT_FOUND);
}

// Writes the factors of a 4 x 5 matrix, A scaled and B divided by a power of two.
static void write_pair(const char* path, float scale) {
  static const char json[] =
      "{\"x.ALinear.weight\":{\"dtype\":\"F32\",\"shape\":[4,2],\"data_offsets\":[0,32]},"
      "\"x.BLinear.weight\":{\"dtype\":\"F32\",\"shape\":[2,5],\"data_offsets\":[32,72]}}";
  unsigned char all[8 + sizeof json - 1 + 72] = {sizeof json - 1};
  memcpy(all + 8, json, sizeof json - 1);
  float values[18];
  for (int i = 0; i < 18; ++i) {
    values[i] = (float)(1 + i * i % 7) * (i < 8 ? scale : 1 / scale);
  }
  memcpy(all + 8 + sizeof json - 1, values, sizeof values);
  write_file(path, all, sizeof all);
}

static void check_pair(float scale, double last, const char* verdict, bbz_error* error) {
  write_pair("first.safetensors", 1);
  write_pair("second.safetensors", scale);
  if (last != 0) {
    size_t size = 0;
    unsigned char* const file = read_whole("second.safetensors", &size);
    const float value = (float)last;
    memcpy(file + size - sizeof value, &value, sizeof value);
    write_file("second.safetensors", file, size);
    free(file);
  }
  bbz_model* first = NULL;
  bbz_model* second = NULL;
  CHECK_OK(bbz_model_open("first.safetensors", NULL, &first, error));
  CHECK_OK(bbz_model_open("second.safetensors", NULL, &second, error));
  bbz_comparison* comparison = NULL;
  CHECK_OK(bbz_compare(first, second, NULL, &comparison, error));
  bbz_comparison_info info = {sizeof info, 0, 0, 0, 0, NULL, 0, 0, NULL};
  CHECK_OK(bbz_comparison_get(comparison, &info, error));
  bbz_pair_distance pair;
  memset(&pair, 0, sizeof pair);
  pair.struct_size = sizeof pair;
  CHECK_OK(bbz_comparison_pair(comparison, 0, &pair, error));
  CHECK(info.pair_count == 1 && info.no_pairs[0] == '\0');
  CHECK(info.same_pair_count == (last == 0) && pair.same == (last == 0));
  CHECK(pair.identical == (scale == 1 && last == 0));
  CHECK(strcmp(pair.name, "x") == 0 && pair.name_length == 1 && pair.note[0] == '\0');
  CHECK(strcmp(pair.verdict, verdict) == 0);
  CHECK(pair.first_rank == 2 && pair.second_rank == 2);
  CHECK((pair.plain > 0) == (scale != 1 || last != 0));
  CHECK((pair.product > 0) == (last != 0) && (pair.largest > 0) == (last != 0));
  CHECK((pair.of_rounding > 1) == (last != 0) && (pair.rounding > 0) == !pair.identical);
  CHECK_CODE(bbz_comparison_pair(comparison, 1, &pair, error), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_comparison_free(comparison);
  bbz_model_free(first);
  bbz_model_free(second);
}

void test_compare_pairs(bbz_error* error) {
  check_pair(1, 0, "identical", error);
  check_pair(4, 0, "one matrix, factored twice", error);
  check_pair(4, 100, "different matrices", error);
}

void test_compare(bbz_error* error) {
  write_model("a.safetensors", 3, kRows);
  write_model("b.safetensors", 2, kRows);
  bbz_model* a = NULL;
  bbz_model* b = NULL;
  CHECK_OK(bbz_model_open("a.safetensors", NULL, &a, error));
  CHECK_OK(bbz_model_open("b.safetensors", NULL, &b, error));
  bbz_comparison* comparison = NULL;
  CHECK_OK(bbz_compare(a, b, NULL, &comparison, error));
  bbz_comparison_info info = {sizeof info, 0, 0, 0, 0, NULL, 0, 0, NULL};
  CHECK_OK(bbz_comparison_get(comparison, &info, error));
  CHECK(info.tensor_count == 4 && info.identical_count == 3 && info.orbit_count == 0);
  CHECK(isinf(info.largest_difference) && info.no_orbits[0] != '\0');
  bbz_tensor_difference difference;
  memset(&difference, 0, sizeof difference);
  difference.struct_size = sizeof difference;
  CHECK_OK(bbz_comparison_tensor(comparison, 2, &difference, error));
  CHECK(strcmp(difference.name, "layers.2.w") == 0 && !difference.identical);
  CHECK(strcmp(difference.note, "only in the first") == 0);
  CHECK_OK(bbz_comparison_tensor(comparison, 0, &difference, error));
  CHECK(difference.identical && difference.note[0] == '\0' && difference.norm > 0);
  CHECK_CODE(bbz_comparison_tensor(comparison, 4, &difference, error), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_orbit orbit = {sizeof orbit, NULL, 0, 0, 0, 0};
  CHECK_CODE(bbz_comparison_orbit(comparison, 0, &orbit, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK(info.pair_count == 0 && info.same_pair_count == 0 && info.no_pairs[0] != '\0');
  bbz_pair_distance distance;
  memset(&distance, 0, sizeof distance);
  distance.struct_size = sizeof distance;
  CHECK_CODE(bbz_comparison_pair(comparison, 0, &distance, error), BBZ_ERROR_INVALID_ARGUMENT);
  // A caller of the first version of the struct.
  info.struct_size = offsetof(bbz_comparison_info, pair_count);
  info.pair_count = 77;
  CHECK_OK(bbz_comparison_get(comparison, &info, error));
  CHECK(info.tensor_count == 4 && info.pair_count == 77);
  info.struct_size -= 1;
  CHECK_CODE(bbz_comparison_get(comparison, &info, error), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_comparison_free(comparison);

  bbz_estimate_result* result = NULL;
  CHECK_OK(bbz_estimate(a, NULL, &result, error));
  bbz_estimate_info estimate = {sizeof estimate, NULL, NULL, 0, 0, 0, 0};
  CHECK_OK(bbz_estimate_get(result, &estimate, error));
  CHECK(estimate.refusal[0] != '\0' && estimate.junction_count == 0 && estimate.pair_count == 0);
  bbz_junction junction;
  memset(&junction, 0, sizeof junction);
  junction.struct_size = sizeof junction;
  CHECK_CODE(bbz_estimate_junction(result, 0, &junction, error), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_pair pair = {sizeof pair, NULL, 0, NULL, 0, 0};
  CHECK_CODE(bbz_estimate_pair(result, 0, &pair, error), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_estimate_free(result);
  bbz_model_free(a);
  bbz_model_free(b);
}
