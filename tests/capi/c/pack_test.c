// Packing and unpacking, and cancelling them.
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

static void check_same(const char* first, const char* second) {
  size_t sizes[2] = {0, 0};
  unsigned char* const a = read_whole(first, &sizes[0]);
  unsigned char* const b = read_whole(second, &sizes[1]);
  CHECK(sizes[0] == sizes[1] && memcmp(a, b, sizes[0]) == 0);
  free(a);
  free(b);
}

struct seen {
  unsigned calls;
  uint32_t phase;
  uint64_t done;
  uint64_t total;
};

static int see(void* user, uint32_t phase, uint64_t done, uint64_t total) {
  struct seen* const seen = user;
  ++seen->calls;
  CHECK(phase >= seen->phase && phase <= BBZ_PHASE_FINISH);
  CHECK(phase != seen->phase || done >= seen->done);
  seen->phase = phase;
  seen->done = done;
  seen->total = total;
  return 0;
}

void test_pack(bbz_error* error) {
  write_model("model.safetensors", 4, 500);
  struct seen seen = {0, 0, 0, 0};
  bbz_pack_options packing;
  memset(&packing, 0, sizeof packing);
  packing.struct_size = sizeof packing;
  packing.progress = see;
  packing.user = &seen;
  bbz_written written = {.struct_size = sizeof written};
  CHECK_OK(bbz_pack("model.safetensors", "m.bbz", &packing, &written, error));
  CHECK(written.file_count == 1 && written.tensor_count == 5 && written.rotated == 0);
  CHECK(seen.calls >= 2 && seen.phase == BBZ_PHASE_FINISH && seen.done == written.input_bytes);
  CHECK_CODE(bbz_pack("model.safetensors", "m.bbz", NULL, NULL, error), BBZ_ERROR_EXISTS);
  bbz_writing writing = {sizeof writing, 1 << 16, 0, 1, BBZ_LEVEL_FAST, 0, 0, 1, 1, 0};
  packing.writing = &writing;
  seen = (struct seen){0, 0, 0, 0};
  CHECK_OK(bbz_pack("model.safetensors", "m.bbz", &packing, &written, error));
  CHECK_CODE(bbz_pack("absent", "n.bbz", NULL, NULL, error), BBZ_ERROR_NOT_FOUND);
  packing.symmetry = 77;
  CHECK_CODE(bbz_pack("model.safetensors", "n.bbz", &packing, NULL, error),
             BBZ_ERROR_INVALID_ARGUMENT);

  bbz_source* source = NULL;
  CHECK_OK(bbz_source_open_file("m.bbz", &source, error));
  bbz_unpack_options unpacking;
  memset(&unpacking, 0, sizeof unpacking);
  unpacking.struct_size = sizeof unpacking;
  unpacking.progress = see;
  unpacking.user = &seen;
  bbz_unpacked unpacked = {sizeof unpacked, 0, 0, 0, 0, 0, ""};
  seen = (struct seen){0, 0, 0, 0};
  CHECK_OK(bbz_unpack(source, "out", &unpacking, &unpacked, error));
  CHECK(unpacked.file_count == 1 && unpacked.exact == 1 && unpacked.bytes == written.input_bytes);
  CHECK(strcmp(unpacked.root, written.root) == 0);
  CHECK(seen.total == written.input_bytes && seen.done == seen.total);
  check_same("model.safetensors", "out/model.safetensors");
  CHECK_CODE(bbz_unpack(source, "out", NULL, NULL, error), BBZ_ERROR_EXISTS);
  unpacking.one_file = 1;
  unpacking.expected_root = written.root;
  seen = (struct seen){0, 0, 0, 0};
  CHECK_OK(bbz_unpack(source, "one", &unpacking, NULL, error));
  check_same("model.safetensors", "one");

  // Selected tensors, as a safetensors file.
  const char* const names[1] = {"layers.[12].w"};
  bbz_selection selection;
  memset(&selection, 0, sizeof selection);
  selection.struct_size = sizeof selection;
  selection.tensors = names;
  selection.tensor_count = 1;
  unpacking.selection = &selection;
  seen = (struct seen){0, 0, 0, 0};
  CHECK_OK(bbz_unpack(source, "some.safetensors", &unpacking, &unpacked, error));
  CHECK(unpacked.tensor_count == 2 && unpacked.bytes == 2 * 500 * 128);
  seen = (struct seen){0, 0, 0, 0};
  unpacking.expected_root = "xxh3-128:00000000000000000000000000000000";
  CHECK_CODE(bbz_unpack(source, "no", &unpacking, NULL, error), BBZ_ERROR_DIGEST_MISMATCH);
  CHECK(!exists("no"));
  bbz_source_free(source);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// Asks to stop in a phase, once so many bytes are done.
struct stop {
  uint32_t phase;
  uint64_t after;
  double asked;      // when it first did
  atomic_int waits;  // whether reads wait until it has
  atomic_int has_asked;
};

static int stop(void* user, uint32_t phase, uint64_t done, uint64_t total) {
  struct stop* const stop = user;
  (void)total;
  if (phase < stop->phase || done < stop->after) return 0;
  if (stop->asked == 0) stop->asked = now();
  stop->has_asked = 1;
  return 1;
}

static void begin(struct stop* stop, uint32_t phase, uint64_t after) {
  stop->phase = phase;
  stop->after = after;
  stop->asked = 0;
  stop->has_asked = 0;
  stop->waits = 1;
}

static void end(struct stop* stop, const char* what) {
  stop->waits = 0;
  CHECK(stop->has_asked);
  printf("%s: cancelled %.1f ms after it was asked\n", what, (now() - stop->asked) * 1e3);
}

// A source that lets nothing but its first 32 KiB and its last 64 KiB, which has the index, be read before the
// call was asked to stop.
struct held {
  unsigned char* bytes;
  size_t size;
  struct stop* stop;
};

static int64_t read_held(void* user, uint64_t offset, void* buffer, size_t length) {
  struct held* const held = user;
  if (offset >= held->size) return 0;
  if (length > held->size - offset) length = held->size - (size_t)offset;
  const int is_held = offset > 32768 && offset + 65536 < held->size;
  while (is_held && held->stop->waits && !held->stop->has_asked) sched_yield();
  memcpy(buffer, held->bytes + offset, length);
  return (int64_t)length;
}

static int size_held(void* user, uint64_t* size) {
  *size = ((struct held*)user)->size;
  return 0;
}

static bbz_source* open_held(struct held* held, const char* path, struct stop* stop,
                             bbz_error* error) {
  held->bytes = read_whole(path, &held->size);
  held->stop = stop;
  bbz_callbacks callbacks = {sizeof callbacks, held, "held", read_held, size_held, NULL};
  bbz_source* source = NULL;
  CHECK_OK(bbz_source_open_callbacks(&callbacks, &source, error));
  return source;
}

static void cancel_packing(struct stop* asked, bbz_error* error) {
  write_model("large.safetensors", 32, 16384);  // 64 MiB, which take far more than 20 milliseconds
  bbz_writing writing = {sizeof writing, 0, 0, 1, BBZ_LEVEL_SMALL, 0, 0, 0, 1, 0};
  bbz_pack_options packing;
  memset(&packing, 0, sizeof packing);
  packing.struct_size = sizeof packing;
  packing.writing = &writing;
  packing.progress = stop;
  packing.user = asked;
  for (uint32_t phase = BBZ_PHASE_PREPARE; phase <= BBZ_PHASE_WORK; ++phase) {
    begin(asked, phase, phase == BBZ_PHASE_WORK ? 1 : 0);
    CHECK_CODE(bbz_pack("large.safetensors", "large.bbz", &packing, NULL, error),
               BBZ_ERROR_CANCELLED);
    CHECK_SAYS("cancelled");
    end(asked, "pack");
    CHECK(!exists("large.bbz"));
  }
}

static void cancel_unpacking(struct stop* asked, const bbz_source* source, bbz_error* error) {
  bbz_unpack_options unpacking;
  memset(&unpacking, 0, sizeof unpacking);
  unpacking.struct_size = sizeof unpacking;
  unpacking.progress = stop;
  unpacking.user = asked;
  for (unpacking.one_file = 0; unpacking.one_file < 2; ++unpacking.one_file) {
    begin(asked, BBZ_PHASE_WORK, 0);
    CHECK_CODE(bbz_unpack(source, "out/below", &unpacking, NULL, error),
               unpacking.one_file ? BBZ_ERROR_NOT_FOUND : BBZ_ERROR_CANCELLED);
    if (!unpacking.one_file) end(asked, "unpack");
    asked->waits = 0;
    CHECK(!exists("out"));
  }
  begin(asked, BBZ_PHASE_WORK, 0);
  CHECK_CODE(bbz_unpack(source, "one", &unpacking, NULL, error), BBZ_ERROR_CANCELLED);
  end(asked, "unpack to a file");
  CHECK(!exists("one"));
}

static void cancel_verifying(struct stop* asked, const bbz_source* source, bbz_error* error) {
  bbz_verify_options verifying;
  memset(&verifying, 0, sizeof verifying);
  verifying.struct_size = sizeof verifying;
  verifying.watch = stop;
  verifying.user = asked;
  begin(asked, BBZ_PHASE_WORK, 0);
  bbz_report* report = NULL;
  CHECK_CODE(bbz_verify(source, &verifying, &report, error), BBZ_ERROR_CANCELLED);
  end(asked, "verify");
  CHECK(report == NULL);
}

static void cancel_reading(struct stop* asked, const bbz_source* source, bbz_error* error) {
  bbz_reader* reader = NULL;
  asked->waits = 0;
  CHECK_OK(bbz_reader_open(source, NULL, &reader, error));
  bbz_target target = {NULL, 0, 4096 * 128, 0, 0};
  target.buffer = malloc((size_t)target.size);
  CHECK_OK(bbz_reader_find_tensor(reader, "layers.3.w", 10, BBZ_NONE, &target.tensor, error));
  bbz_many_options many = {sizeof many, stop, asked};
  begin(asked, BBZ_PHASE_WORK, 0);
  CHECK_CODE(bbz_reader_read_many(reader, &target, 1, &many, error), BBZ_ERROR_CANCELLED);
  end(asked, "read");
  free(target.buffer);
  bbz_reader_free(reader);
}

static void cancel_comparing(struct stop* asked, const bbz_source* source, bbz_error* error) {
  bbz_model* models[2] = {NULL, NULL};
  asked->waits = 0;
  CHECK_OK(bbz_model_open("model.safetensors", NULL, &models[0], error));
  CHECK_OK(bbz_model_open_source(source, NULL, NULL, &models[1], error));
  bbz_model_work work = {sizeof work, 1, 0, stop, asked};
  bbz_comparison* comparison = NULL;
  begin(asked, BBZ_PHASE_WORK, 0);
  CHECK_CODE(bbz_compare(models[0], models[1], &work, &comparison, error), BBZ_ERROR_CANCELLED);
  end(asked, "compare");
  CHECK(comparison == NULL);
  begin(asked, BBZ_PHASE_PREPARE, 0);
  bbz_estimate_result* estimate = NULL;
  CHECK_CODE(bbz_estimate(models[0], &work, &estimate, error), BBZ_ERROR_CANCELLED);
  end(asked, "estimate");
  bbz_model_free(models[0]);
  bbz_model_free(models[1]);
}

void test_cancel(bbz_error* error) {
  static struct stop asked;
  cancel_packing(&asked, error);
  write_model("model.safetensors", 8, 4096);
  CHECK_OK(bbz_pack("model.safetensors", "model.bbz", NULL, NULL, error));
  struct held held;
  asked.waits = 0;
  bbz_source* const source = open_held(&held, "model.bbz", &asked, error);
  cancel_unpacking(&asked, source, error);
  cancel_verifying(&asked, source, error);
  cancel_reading(&asked, source, error);
  cancel_comparing(&asked, source, error);
  bbz_source_free(source);
  free(held.bytes);
}
