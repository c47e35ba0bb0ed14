// Runs one test of the C interface: capi_c NAME DIRECTORY.
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

int failures = 0;

void write_file(const char* path, const void* bytes, size_t size) {
  FILE* const file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
    perror(path);
    exit(1);
  }
}

unsigned char* read_whole(const char* path, size_t* size) {
  FILE* const file = fopen(path, "rb");
  *size = 0;
  if (file == NULL) {
    ++failures;
    perror(path);
    return calloc(1, 1);
  }
  fseek(file, 0, SEEK_END);
  const long length = ftell(file);
  rewind(file);
  unsigned char* const bytes = malloc((size_t)length + 1);
  *size = fread(bytes, 1, (size_t)length, file);
  fclose(file);
  return bytes;
}

int exists(const char* path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

void fill_weights(void* bytes, size_t size, unsigned seed) {
  unsigned char* const out = bytes;
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i + 1 < size; i += 2) {
    state = state * 1664525u + 1013904223u;
    const uint16_t exponent = (uint16_t)(118 + ((state >> 24) % 8));
    const uint16_t value =
        (uint16_t)((state >> 8 & 0x8000) | (uint32_t)exponent << 7 | (state >> 16 & 0x7F));
    out[i] = (unsigned char)value;
    out[i + 1] = (unsigned char)(value >> 8);
  }
}

void write_model(const char* path, unsigned layers, unsigned rows) {
  const size_t each = (size_t)rows * 64 * 2;
  char* const json = malloc(200 + 150 * (size_t)layers);
  size_t at = (size_t)sprintf(json, "{\"__metadata__\":{\"format\":\"pt\"}");
  size_t offset = 0;
  for (unsigned i = 0; i < layers; ++i, offset += each) {
    at += (size_t)sprintf(json + at,
                          ",\"layers.%u.w\":{\"dtype\":\"BF16\",\"shape\":[%u,64],"
                          "\"data_offsets\":[%zu,%zu]}",
                          i, rows, offset, offset + each);
  }
  at += (size_t)sprintf(json + at,
                        ",\"norm\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[%zu,%zu]}}",
                        offset, offset + 12);
  unsigned char* const all = malloc(8 + at + offset + 12);
  for (int i = 0; i < 8; ++i) all[i] = (unsigned char)(at >> 8 * i);
  memcpy(all + 8, json, at);
  for (unsigned i = 0; i < layers; ++i) fill_weights(all + 8 + at + i * each, each, i + 1);
  const float norm[3] = {1.0f, 0.5f, -2.0f};
  memcpy(all + 8 + at + offset, norm, sizeof norm);
  write_file(path, all, 8 + at + offset + 12);
  free(all);
  free(json);
}

static const struct {
  const char* name;
  test_function run;
} tests[] = {{"writer", test_writer},       {"writer_errors", test_writer_errors},
             {"open_file", test_open_file}, {"pack", test_pack},
             {"cancel", test_cancel},       {"model", test_model},
             {"compare", test_compare},     {"compare_pairs", test_compare_pairs},
             {"reader", test_reader},       {"threads", test_threads},
             {"fork", test_fork},           {"null", test_null},
             {"measure", measure_calls}};

int main(int argc, char** argv) {
  if (argc != 3 || chdir(argv[2]) != 0) {
    fprintf(stderr, "usage: capi_c NAME DIRECTORY\n");
    return 2;
  }
  bbz_error* const error = bbz_error_new();
  int found = 0;
  for (size_t i = 0; i < sizeof tests / sizeof *tests; ++i) {
    if (strcmp(argv[1], tests[i].name) != 0) continue;
    found = 1;
    tests[i].run(error);
  }
  bbz_error_free(error);
  if (!found) fprintf(stderr, "capi_c: no test is called %s\n", argv[1]);
  return found && failures == 0 ? 0 : 1;
}
