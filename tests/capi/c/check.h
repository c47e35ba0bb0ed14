// Checks for the tests of the C interface that are written in C11, and a model to test with.
#ifndef CAPI_CHECK_H
#define CAPI_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bbz.h"

// The number of checks that failed.
extern int failures;

// Checks a condition, and goes on if it does not hold.
#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      ++failures;                                                          \
      printf("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
    }                                                                      \
  } while (0)

// Checks the code of a call whose last argument is `error`, a bbz_error.
#define CHECK_CODE(call, expected)                                                          \
  do {                                                                                      \
    const bbz_code check_code = (call);                                                     \
    if (check_code != (expected)) {                                                         \
      ++failures;                                                                           \
      printf("%s:%d: %s: %s (%s), expected %s\n", __FILE__, __LINE__, #call,                \
             bbz_code_name(check_code), bbz_error_message(error), bbz_code_name(expected)); \
    }                                                                                       \
  } while (0)
#define CHECK_OK(call) CHECK_CODE(call, BBZ_OK)

// Checks that the message of `error` contains a text.
#define CHECK_SAYS(text)                                                                          \
  do {                                                                                            \
    if (strstr(bbz_error_message(error), text) == NULL) {                                         \
      ++failures;                                                                                 \
      printf("%s:%d: \"%s\" does not say \"%s\"\n", __FILE__, __LINE__, bbz_error_message(error), \
             text);                                                                               \
    }                                                                                             \
  } while (0)

// A test: gets an error of its own, and works in the current directory, which is empty at first.
typedef void (*test_function)(bbz_error* error);

void test_writer(bbz_error* error);
void test_open_file(bbz_error* error);
void test_writer_errors(bbz_error* error);
void test_pack(bbz_error* error);
void test_cancel(bbz_error* error);
void test_model(bbz_error* error);
void test_compare(bbz_error* error);
void test_compare_pairs(bbz_error* error);
void test_reader(bbz_error* error);
void test_threads(bbz_error* error);
void test_fork(bbz_error* error);
void test_null(bbz_error* error);
void measure_calls(bbz_error* error);

// Writes a file.
void write_file(const char* path, const void* bytes, size_t size);
// Reads a file into memory that the caller frees.
unsigned char* read_whole(const char* path, size_t* size);
// Returns whether something is at a path.
int exists(const char* path);
// Fills memory with BF16 numbers like those of a model.
void fill_weights(void* bytes, size_t size, unsigned seed);
// Writes a safetensors file: "layers.N.w", BF16 of [rows, 64], for each of `layers` layers, and "norm",
// F32 of [3], with metadata {"format": "pt"}.
void write_model(const char* path, unsigned layers, unsigned rows);

#endif
