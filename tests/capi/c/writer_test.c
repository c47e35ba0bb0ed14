// Writers: archives in files and through callbacks, and what they refuse.
#include <errno.h>

#include "check.h"

enum { kRows = 100, kBytes = kRows * 64 * 2 };

static bbz_tensor_spec spec_of(const char* name, const uint64_t* shape, uint32_t rank,
                               uint32_t dtype) {
  bbz_tensor_spec spec;
  memset(&spec, 0, sizeof spec);
  spec.struct_size = sizeof spec;
  spec.name = name;
  spec.name_length = strlen(name);
  spec.shape = shape;
  spec.rank = rank;
  spec.dtype = dtype;
  return spec;
}

static const uint64_t kShape[2] = {kRows, 64};
static const uint64_t kNorm[1] = {3};

// Writes a safetensors file of two tensors, a file of bytes, and a directory.
static void write_all(bbz_writer* writer, const unsigned char* weights, bbz_error* error) {
  const bbz_tensor_spec first = spec_of("layers.7.w", kShape, 2, BBZ_DTYPE_BF16);
  const bbz_tensor_spec second = spec_of("norm", kNorm, 1, BBZ_DTYPE_F32);
  const bbz_tensor_spec* const specs[2] = {&first, &second};
  const bbz_text_pair metadata = {"format", 6, "pt", 2};
  const float norm[3] = {1, 2, 3};
  CHECK_OK(bbz_writer_add_metadata(writer, "made-by", 7, "a test", 6, error));
  CHECK_OK(
      bbz_writer_begin_safetensors(writer, "model.safetensors", 17, specs, 2, &metadata, 1, error));
  CHECK_OK(bbz_writer_begin_tensor(writer, NULL, error));
  CHECK_OK(bbz_writer_write(writer, weights, 1, error));
  CHECK_OK(bbz_writer_write(writer, weights + 1, 0, error));
  CHECK_OK(bbz_writer_write(writer, weights + 1, kBytes - 1, error));
  CHECK_OK(bbz_writer_end_tensor(writer, error));
  CHECK_OK(bbz_writer_add_tensor(writer, NULL, norm, sizeof norm, error));
  CHECK_OK(bbz_writer_end_file(writer, error));
  CHECK_OK(bbz_writer_begin_file(writer, "notes/readme.txt", 16, error));
  CHECK_OK(bbz_writer_begin_bytes(writer, 5, error));
  CHECK_OK(bbz_writer_write(writer, "hello", 5, error));
  CHECK_OK(bbz_writer_end_tensor(writer, error));
  CHECK_OK(bbz_writer_end_file(writer, error));
  CHECK_OK(bbz_writer_add_directory(writer, "empty", 5, error));
}

struct memory {
  unsigned char* bytes;
  size_t size;
  size_t most;
};

static int append(void* user, const void* bytes, size_t size) {
  struct memory* const memory = user;
  if (size > memory->most - memory->size) return -ENOSPC;
  memcpy(memory->bytes + memory->size, bytes, size);
  memory->size += size;
  return 0;
}

void test_writer(bbz_error* error) {
  unsigned char* const weights = malloc(kBytes);
  fill_weights(weights, kBytes, 1);
  bbz_writing writing = {sizeof writing,    4096, 0, 2, BBZ_LEVEL_SMALL,
                         BBZ_DIGEST_SHA256, 0,    0, 0, 0};
  bbz_writer* writer = NULL;
  CHECK_OK(bbz_writer_create_file("made.bbz", &writing, &writer, error));
  write_all(writer, weights, error);
  CHECK(!exists("made.bbz"));
  bbz_written written = {.struct_size = sizeof written};
  CHECK_OK(bbz_writer_finish(writer, &written, error));
  CHECK(exists("made.bbz"));
  bbz_writer_free(writer);
  CHECK(written.file_count == 3 && written.tensor_count == 2);
  CHECK(written.archive_bytes > 0 && written.archive_bytes < written.input_bytes);
  CHECK(strncmp(written.root, "sha256:", 7) == 0);

  // The same through a callback.
  struct memory memory = {malloc(100000), 0, 100000};
  bbz_output output = {sizeof output, &memory, "memory", append};
  CHECK_OK(bbz_writer_create_callbacks(&output, &writing, &writer, error));
  write_all(writer, weights, error);
  CHECK_OK(bbz_writer_finish(writer, NULL, error));
  bbz_writer_free(writer);
  size_t size = 0;
  unsigned char* const made = read_whole("made.bbz", &size);
  CHECK(size == memory.size && memcmp(made, memory.bytes, size) == 0);

  // It verifies, and unpacks to a safetensors file.
  bbz_source* source = NULL;
  CHECK_OK(bbz_source_open_memory(memory.bytes, memory.size, &source, error));
  CHECK_OK(bbz_verify(source, NULL, NULL, error));
  CHECK_OK(bbz_unpack(source, "out", NULL, NULL, error));
  CHECK(exists("out/empty") && exists("out/notes/readme.txt"));
  bbz_model* model = NULL;
  CHECK_OK(bbz_model_open("out/model.safetensors", NULL, &model, error));
  bbz_model_info info = {sizeof info, 0, 0, 0, 0, 0, 0, ""};
  CHECK_OK(bbz_model_get(model, &info, error));
  CHECK(info.tensor_count == 2 && info.metadata_count == 1 && info.is_archive == 0);
  unsigned char* const again = malloc(kBytes);
  uint32_t number = 9;
  CHECK_OK(bbz_model_find(model, "layers.7.w", 10, &number, error));
  CHECK_OK(bbz_model_read_bytes(model, number, 0, again, kBytes, error));
  CHECK(memcmp(again, weights, kBytes) == 0);
  bbz_model_free(model);

  // The layer is that of the name.
  bbz_reader* reader = NULL;
  CHECK_OK(bbz_reader_open(source, NULL, &reader, error));
  CHECK_OK(bbz_reader_find_tensor(reader, "layers.7.w", 10, BBZ_NONE, &number, error));
  bbz_tensor_info tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.struct_size = sizeof tensor;
  CHECK_OK(bbz_reader_tensor(reader, number, &tensor, error));
  CHECK(tensor.layer == 7 && tensor.chunk_count == 4);
  bbz_reader_free(reader);
  bbz_source_free(source);
  free(again);
  free(made);
  free(memory.bytes);
  free(weights);
}

// Writes a safetensors file whose tensors are not known when it begins.
static bbz_code write_open(const char* path, uint64_t header_bytes, bbz_error* error) {
  const bbz_text_pair metadata = {"format", 6, "pt", 2};
  const bbz_tensor_spec norm = spec_of("norm", kNorm, 1, BBZ_DTYPE_F32);
  const float numbers[3] = {1, 2, 3};
  bbz_writer* writer = NULL;
  CHECK_OK(bbz_writer_create_file(path, NULL, &writer, error));
  CHECK_OK(bbz_writer_begin_open_safetensors(writer, "m.safetensors", 13, header_bytes, &metadata,
                                             1, error));
  CHECK_CODE(bbz_writer_begin_tensor(writer, NULL, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_writer_begin_file(writer, "other", 5, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_OK(bbz_writer_add_tensor(writer, &norm, numbers, sizeof numbers, error));
  bbz_code code = bbz_writer_end_file(writer, error);
  if (code == BBZ_OK) code = bbz_writer_finish(writer, NULL, error);
  bbz_writer_free(writer);
  return code;
}

void test_open_file(bbz_error* error) {
  CHECK_OK(write_open("open.bbz", 0, error));
  CHECK_OK(write_open("tight.bbz", 128, error));
  CHECK_CODE(write_open("none.bbz", 64, error), BBZ_ERROR_LIMIT);
  CHECK(!exists("none.bbz"));
  const char* const paths[2] = {"open.bbz", "tight.bbz"};
  for (int i = 0; i < 2; ++i) {
    bbz_source* source = NULL;
    CHECK_OK(bbz_source_open_file(paths[i], &source, error));
    CHECK_OK(bbz_verify(source, NULL, NULL, error));
    bbz_unpack_options unpacking;
    memset(&unpacking, 0, sizeof unpacking);
    unpacking.struct_size = sizeof unpacking;
    unpacking.one_file = unpacking.replace = 1;
    CHECK_OK(bbz_unpack(source, "m.safetensors", &unpacking, NULL, error));
    bbz_source_free(source);
    bbz_model* model = NULL;
    CHECK_OK(bbz_model_open("m.safetensors", NULL, &model, error));
    float found[3] = {0, 0, 0};
    CHECK_OK(bbz_model_read_bytes(model, 0, 0, found, sizeof found, error));
    CHECK(found[0] == 1 && found[1] == 2 && found[2] == 3);
    bbz_model_text text = {sizeof text, NULL, 0, NULL, 0};
    CHECK_OK(bbz_model_metadata(model, 0, &text, error));
    CHECK(strcmp(text.value, "pt") == 0);
    bbz_model_free(model);
    CHECK_OK(bbz_model_open(paths[i], NULL, &model, error));
    CHECK_OK(bbz_model_metadata(model, 0, &text, error));
    CHECK(strcmp(text.value, "pt") == 0);
    bbz_model_free(model);
  }
}

void test_writer_errors(bbz_error* error) {
  unsigned char* const weights = malloc(kBytes);
  fill_weights(weights, kBytes, 1);
  bbz_writer* writer = NULL;
  write_file("there.bbz", "x", 1);
  CHECK_CODE(bbz_writer_create_file("there.bbz", NULL, &writer, error), BBZ_ERROR_EXISTS);
  CHECK(writer == NULL);
  CHECK_CODE(bbz_writer_create_file("missing/a.bbz", NULL, &writer, error), BBZ_ERROR_NOT_FOUND);
  bbz_writing writing = {sizeof writing, 0, 0, 1, 9, 0, 0, 0, 0, 0};
  CHECK_CODE(bbz_writer_create_file("a.bbz", &writing, &writer, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_SAYS("level 9");
  writing.level = 0;
  writing.chunk_bytes = UINT64_C(1) << 40;
  CHECK_CODE(bbz_writer_create_file("a.bbz", &writing, &writer, error), BBZ_ERROR_INVALID_ARGUMENT);
  writing.chunk_bytes = 0;
  writing.struct_size = 8;
  CHECK_CODE(bbz_writer_create_file("a.bbz", &writing, &writer, error), BBZ_ERROR_INVALID_ARGUMENT);

  // A writer that is freed before it is finished leaves nothing.
  CHECK_OK(bbz_writer_create_file("a.bbz", NULL, &writer, error));
  CHECK_OK(bbz_writer_begin_file(writer, "f", 1, error));
  bbz_writer_free(writer);
  CHECK(!exists("a.bbz"));

  // Names twice, unknown types, a null list, and names that are no UTF-8.
  CHECK_OK(bbz_writer_create_file("a.bbz", NULL, &writer, error));
  const bbz_tensor_spec one = spec_of("norm", kNorm, 1, BBZ_DTYPE_F32);
  const bbz_tensor_spec* const twice[2] = {&one, &one};
  CHECK_CODE(bbz_writer_begin_safetensors(writer, "m.safetensors", 13, twice, 2, NULL, 0, error),
             BBZ_ERROR_INVALID_ARGUMENT);
  const bbz_tensor_spec unknown = spec_of("x", kNorm, 1, 99);
  const bbz_tensor_spec* const first = &unknown;
  CHECK_CODE(bbz_writer_begin_safetensors(writer, "m.safetensors", 13, &first, 1, NULL, 0, error),
             BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_SAYS("dtype 99");
  CHECK_CODE(bbz_writer_begin_safetensors(writer, "m.safetensors", 13, NULL, 1, NULL, 0, error),
             BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_writer_begin_tensor(writer, NULL, error), BBZ_ERROR_INVALID_ARGUMENT);

  // A file that lacks a tensor cannot be ended; too many bytes cannot be written.
  CHECK_OK(bbz_writer_begin_safetensors(writer, "m.safetensors", 13, twice, 1, NULL, 0, error));
  CHECK_CODE(bbz_writer_end_file(writer, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_SAYS("norm");
  CHECK_CODE(bbz_writer_begin_tensor(writer, &one, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_writer_begin_bytes(writer, 1, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_OK(bbz_writer_begin_tensor(writer, NULL, error));
  CHECK_CODE(bbz_writer_write(writer, weights, 13, error), BBZ_ERROR_INVALID_ARGUMENT);
  CHECK_CODE(bbz_writer_finish(writer, NULL, error), BBZ_ERROR_INVALID_ARGUMENT);
  bbz_writer_free(writer);
  CHECK(!exists("a.bbz"));

  CHECK_OK(bbz_writer_create_file("a.bbz", NULL, &writer, error));
  CHECK_CODE(bbz_writer_begin_file(writer, "../up", 5, error), BBZ_ERROR_UNSAFE_PATH);
  bbz_writer_free(writer);

  // An output that fails.
  struct memory memory = {malloc(100), 0, 100};
  bbz_output output = {sizeof output, &memory, "full", append};
  bbz_code code = bbz_writer_create_callbacks(&output, NULL, &writer, error);
  if (code == BBZ_OK) {
    const bbz_tensor_spec big = spec_of("w", kShape, 2, BBZ_DTYPE_BF16);
    (void)bbz_writer_begin_file(writer, "f", 1, error);
    (void)bbz_writer_add_tensor(writer, &big, weights, kBytes, error);
    (void)bbz_writer_end_file(writer, error);
    code = bbz_writer_finish(writer, NULL, error);
  }
  CHECK(code == BBZ_ERROR_IO);
  CHECK_SAYS("full");
  bbz_writer_free(writer);
  free(memory.bytes);
  free(weights);
}
