// Readers: layers, chunks, places of errors, many threads, fork, and null arguments.
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { kLayers = 6, kRows = 256, kBytes = kRows * 128 };

// Packs a model of six layers in chunks of 4 KiB, and opens the archive with four threads.
static bbz_reader* open_packed(bbz_error* error) {
  write_model("model.safetensors", kLayers, kRows);
  bbz_writing writing = {sizeof writing, 4096, 0, 0, 0, 0, 0, 1, 1, 0};
  bbz_pack_options packing;
  memset(&packing, 0, sizeof packing);
  packing.struct_size = sizeof packing;
  packing.writing = &writing;
  CHECK_OK(bbz_pack("model.safetensors", "m.bbz", &packing, NULL, error));
  bbz_source* source = NULL;
  bbz_reader* reader = NULL;
  bbz_reader_options reading = {.struct_size = sizeof reading, .threads = 4};
  CHECK_OK(bbz_source_open_file("m.bbz", &source, error));
  CHECK_OK(bbz_reader_open(source, &reading, &reader, error));
  bbz_source_free(source);
  return reader;
}

static uint32_t find(const bbz_reader* reader, unsigned layer, bbz_error* error) {
  char name[32];
  uint32_t number = BBZ_NONE;
  sprintf(name, "layers.%u.w", layer);
  CHECK_OK(bbz_reader_find_tensor(reader, name, strlen(name), BBZ_NONE, &number, error));
  return number;
}

void test_reader(bbz_error* error) {
  bbz_reader* reader = open_packed(error);
  uint32_t layers[kLayers];
  size_t count = 0;
  CHECK_OK(bbz_reader_layers(reader, NULL, 0, &count, error));
  CHECK(count == kLayers);
  CHECK_CODE(bbz_reader_layers(reader, layers, 2, &count, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_OK(bbz_reader_layers(reader, layers, kLayers, &count, error));
  CHECK(layers[0] == 0 && layers[kLayers - 1] == kLayers - 1);

  const uint32_t tensor = find(reader, 3, error);
  uint32_t codec = BBZ_NONE;
  CHECK_OK(bbz_reader_codec(reader, tensor, &codec, error));
  CHECK(strcmp(bbz_codec_name(codec), "split-float") == 0);
  CHECK(bbz_codec_name(999) == NULL);
  bbz_chunk_info chunk;
  memset(&chunk, 0, sizeof chunk);
  chunk.struct_size = sizeof chunk;
  CHECK_OK(bbz_reader_chunk(reader, tensor, 5, &chunk, error));
  CHECK(chunk.decoded_bytes == 4096 && chunk.stored_bytes < 4096 && chunk.codec == codec);
  CHECK(chunk.first_element == 5 * 2048 && chunk.element_count == 2048 && chunk.repeats == 0);
  CHECK_CODE(bbz_reader_chunk(reader, tensor, 8, &chunk, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_reader_chunk(reader, 999, 0, &chunk, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK(bbz_dtype_find("F8_E4M3", 7) == BBZ_DTYPE_F8_E4M3 && bbz_dtype_find("F9", 2) == 0);
  CHECK(bbz_dtype_bits(BBZ_DTYPE_BF16) == 16 && bbz_dtype_bits(BBZ_DTYPE_BLOCK) == 0);

  // An error without a place, and one of a chunk that is damaged.
  bbz_error_place place;
  memset(&place, 0, sizeof place);
  place.struct_size = sizeof place;
  CHECK(bbz_error_where(error, &place) == BBZ_OK);
  CHECK(place.tensor == NULL && place.chunk == BBZ_NONE && place.offset == BBZ_UNKNOWN);
  CHECK_OK(bbz_reader_chunk(reader, tensor, 5, &chunk, error));
  bbz_reader_free(reader);
  size_t size = 0;
  unsigned char* const archive = read_whole("m.bbz", &size);
  archive[chunk.offset + 100] ^= 4;
  bbz_source* source = NULL;
  CHECK_OK(bbz_source_open_memory(archive, size, &source, error));
  CHECK_OK(bbz_reader_open(source, NULL, &reader, error));
  unsigned char* const bytes = malloc(kBytes);
  CHECK_CODE(bbz_reader_read_tensor(reader, tensor, bytes, kBytes, error), BBZ_ERROR_CHECKSUM);
  CHECK(bbz_error_where(error, &place) == BBZ_OK);
  CHECK(place.tensor != NULL && strcmp(place.tensor, "layers.3.w") == 0);
  CHECK(place.tensor_number == tensor && place.chunk == 5 && place.offset == chunk.offset);
  const bbz_target target = {bytes, 0, kBytes, tensor, 0};
  CHECK_CODE(bbz_reader_read_many(reader, &target, 1, NULL, error), BBZ_ERROR_CHECKSUM);
  CHECK(bbz_error_where(error, &place) == BBZ_OK && place.chunk == 5);
  CHECK_OK(bbz_reader_read_rows(reader, tensor, 0, 1, bytes, 128, error));
  CHECK(bbz_error_where(error, &place) == BBZ_OK && place.tensor == NULL);
  free(bytes);
  bbz_reader_free(reader);
  bbz_source_free(source);
  free(archive);
}

struct job {
  const bbz_reader* reader;
  unsigned first;
  int wrong;
};

static void* read_all(void* user) {
  struct job* const job = user;
  bbz_error* const error = bbz_error_new();
  unsigned char* const expected = malloc(kBytes);
  unsigned char* const found = malloc(kBytes);
  for (unsigned i = 0; i < 30; ++i) {
    const unsigned layer = (job->first + i) % kLayers;
    fill_weights(expected, kBytes, layer + 1);
    memset(found, 0, kBytes);
    const uint32_t number = find(job->reader, layer, error);
    const bbz_target halves[2] = {
        {found, 0, kBytes / 2 + 3, number, 0},
        {found + kBytes / 2 + 3, kBytes / 2 + 3, kBytes / 2 - 3, number, 0}};
    if (bbz_reader_read_many(job->reader, halves, 2, NULL, error) != BBZ_OK ||
        memcmp(found, expected, kBytes) != 0) {
      ++job->wrong;
    }
  }
  free(expected);
  free(found);
  bbz_error_free(error);
  return NULL;
}

void test_threads(bbz_error* error) {
  bbz_reader* const reader = open_packed(error);
  pthread_t threads[8];
  struct job jobs[8];
  for (unsigned i = 0; i < 8; ++i) {
    jobs[i] = (struct job){reader, i, 0};
    CHECK(pthread_create(&threads[i], NULL, read_all, &jobs[i]) == 0);
  }
  for (unsigned i = 0; i < 8; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(jobs[i].wrong == 0);
  }
  bbz_reader_free(reader);
}

void test_fork(bbz_error* error) {
  bbz_reader* const reader = open_packed(error);
  struct job job = {reader, 0, 0};
  read_all(&job);  // the reader has its threads now
  CHECK(job.wrong == 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // a child that waits for threads that are not there ends
    job.first = 1;
    read_all(&job);
    bbz_reader_free(reader);
    bbz_reader* const another = open_packed(error);
    job.reader = another;
    read_all(&job);
    bbz_reader_free(another);
    _exit(job.wrong == 0 && failures == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  read_all(&job);
  CHECK(job.wrong == 0);
  bbz_reader_free(reader);
}

void test_null(bbz_error* error) {
  uint32_t number = 0;
  uint64_t size = 0;
  size_t count = 0;
  bbz_source* source = NULL;
  bbz_model* model = NULL;
  bbz_writer* writer = NULL;
  bbz_comparison* comparison = NULL;
  bbz_estimate_result* estimate = NULL;
#define REFUSED(call) CHECK_CODE(call, BBZ_ERROR_INVALID_ARGUMENT)
  REFUSED(bbz_source_size(NULL, &size, error));
  REFUSED(bbz_source_read(NULL, 0, NULL, 0, &count, error));
  REFUSED(bbz_source_read(NULL, 0, NULL, 0, NULL, error));
  REFUSED(bbz_reader_read_many(NULL, NULL, 0, NULL, error));
  REFUSED(bbz_reader_layers(NULL, NULL, 0, &count, error));
  REFUSED(bbz_reader_chunk(NULL, 0, 0, NULL, error));
  REFUSED(bbz_reader_codec(NULL, 0, &number, error));
  REFUSED(bbz_reader_open_file(NULL, 0, NULL, &source, error));
  REFUSED(bbz_reader_open_file(NULL, 0, NULL, NULL, error));
  REFUSED(bbz_writer_create_file(NULL, NULL, &writer, error));
  REFUSED(bbz_writer_create_file("a", NULL, NULL, error));
  REFUSED(bbz_writer_create_callbacks(NULL, NULL, &writer, error));
  REFUSED(bbz_writer_begin_file(NULL, "a", 1, error));
  REFUSED(bbz_writer_end_file(NULL, error));
  REFUSED(bbz_writer_add_directory(NULL, "a", 1, error));
  REFUSED(bbz_writer_add_metadata(NULL, "a", 1, "b", 1, error));
  REFUSED(bbz_writer_begin_safetensors(NULL, "a", 1, NULL, 0, NULL, 0, error));
  REFUSED(bbz_writer_begin_open_safetensors(NULL, "a", 1, 0, NULL, 0, error));
  REFUSED(bbz_writer_begin_tensor(NULL, NULL, error));
  REFUSED(bbz_writer_begin_bytes(NULL, 1, error));
  REFUSED(bbz_writer_write(NULL, "a", 1, error));
  REFUSED(bbz_writer_end_tensor(NULL, error));
  REFUSED(bbz_writer_add_tensor(NULL, NULL, NULL, 0, error));
  REFUSED(bbz_writer_finish(NULL, NULL, error));
  REFUSED(bbz_pack(NULL, "a", NULL, NULL, error));
  REFUSED(bbz_pack("a", NULL, NULL, NULL, error));
  REFUSED(bbz_unpack(NULL, "a", NULL, NULL, error));
  REFUSED(bbz_model_open(NULL, NULL, &model, error));
  REFUSED(bbz_model_open("a", NULL, NULL, error));
  REFUSED(bbz_model_open_source(NULL, NULL, NULL, &model, error));
  REFUSED(bbz_model_get(NULL, NULL, error));
  REFUSED(bbz_model_reader(NULL, NULL, error));
  REFUSED(bbz_model_tensor(NULL, 0, NULL, error));
  REFUSED(bbz_model_find(NULL, "a", 1, &number, error));
  REFUSED(bbz_model_metadata(NULL, 0, NULL, error));
  REFUSED(bbz_model_read_bytes(NULL, 0, 0, NULL, 0, error));
  REFUSED(bbz_model_read_rows(NULL, 0, 0, 0, NULL, 0, error));
  REFUSED(bbz_model_read_many(NULL, NULL, 0, NULL, error));
  REFUSED(bbz_compare(NULL, NULL, NULL, &comparison, error));
  REFUSED(bbz_compare(NULL, NULL, NULL, NULL, error));
  REFUSED(bbz_comparison_get(NULL, NULL, error));
  REFUSED(bbz_comparison_tensor(NULL, 0, NULL, error));
  REFUSED(bbz_comparison_orbit(NULL, 0, NULL, error));
  REFUSED(bbz_estimate(NULL, NULL, &estimate, error));
  REFUSED(bbz_estimate_get(NULL, NULL, error));
  REFUSED(bbz_estimate_junction(NULL, 0, NULL, error));
  CHECK(bbz_error_where(NULL, NULL) == BBZ_ERROR_INVALID_ARGUMENT);
  CHECK(bbz_error_where(error, NULL) == BBZ_ERROR_INVALID_ARGUMENT);
  CHECK(bbz_dtype_find(NULL, 3) == 0);
  bbz_writer_free(NULL);
  bbz_model_free(NULL);
  bbz_comparison_free(NULL);
  bbz_estimate_free(NULL);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// Prints what trivial calls take. Not a test: nothing fails because it is slow.
void measure_calls(bbz_error* error) {
  enum { kCalls = 1000000 };
  bbz_reader* const reader = open_packed(error);
  bbz_model* model = NULL;
  CHECK_OK(bbz_model_open("model.safetensors", NULL, &model, error));
  bbz_tensor_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  double begin = now();
  for (int i = 0; i < kCalls; ++i) (void)bbz_reader_tensor(reader, 1, &info, error);
  printf("bbz_reader_tensor: %.0f ns\n", (now() - begin) * 1e9 / kCalls);
  begin = now();
  for (int i = 0; i < kCalls; ++i) (void)bbz_model_tensor(model, 1, &info, error);
  printf("bbz_model_tensor: %.0f ns\n", (now() - begin) * 1e9 / kCalls);
  uint32_t number = 0;
  begin = now();
  for (int i = 0; i < kCalls; ++i) (void)bbz_model_find(model, "layers.3.w", 10, &number, error);
  printf("bbz_model_find: %.0f ns\n", (now() - begin) * 1e9 / kCalls);
  begin = now();
  for (int i = 0; i < kCalls; ++i) {
    (void)bbz_reader_find_tensor(reader, "layers.3.w", 10, BBZ_NONE, &number, error);
  }
  printf("bbz_reader_find_tensor of 7: %.0f ns\n", (now() - begin) * 1e9 / kCalls);
  begin = now();
  for (int i = 0; i < kCalls; ++i) (void)bbz_reader_tensor(reader, 99, &info, error);
  printf("bbz_reader_tensor, an error: %.0f ns\n", (now() - begin) * 1e9 / kCalls);
  begin = now();
  unsigned char row[128];
  for (int i = 0; i < kCalls / 10; ++i) {
    (void)bbz_reader_read_rows(reader, number, 9, 1, row, 128, error);
  }
  printf("bbz_reader_read_rows, a row of a chunk of 4 KiB: %.0f ns\n",
         (now() - begin) * 1e9 / (kCalls / 10));
  bbz_model_free(model);
  bbz_reader_free(reader);
}
