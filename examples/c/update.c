// Updates weights that are in memory, as a server does that follows a training run.
//   update BASE.bbz UPDATE.bbz
// Reads all tensors of BASE, and makes those of UPDATE of them, in place: UPDATE is an archive that
// bbz pack --base made.
#include <bbz.h>

#include <stdio.h>
#include <stdlib.h>

static bbz_reader* open_archive(const char* path, bbz_error* error) {
  bbz_source* source = NULL;
  bbz_reader* reader = NULL;
  if (bbz_source_open_file(path, &source, error) == BBZ_OK) {
    bbz_reader_open(source, NULL, &reader, error);
  }
  bbz_source_free(source);
  return reader;
}

// Updates one tensor of `update`, whose old weights it reads from `base` here. A server has them in
// memory already. Returns whether it succeeded.
static int update_tensor(const bbz_reader* base, const bbz_reader* update, uint32_t number,
                         bbz_error* error) {
  bbz_tensor_info tensor = {.struct_size = sizeof tensor};
  uint32_t old;
  void* weights;
  int ok;
  if (bbz_reader_tensor(update, number, &tensor, error) != BBZ_OK) return 0;
  if (tensor.kind != BBZ_KIND_TENSOR) return 1;
  weights = malloc(tensor.byte_size > 0 ? (size_t)tensor.byte_size : 1);
  if (weights == NULL) {
    fprintf(stderr, "out of memory\n");
    return 0;
  }
  // A tensor that the base lacks leans on none, and is read.
  ok = bbz_reader_find_tensor(base, tensor.name, tensor.name_length, BBZ_NONE, &old, error) !=
           BBZ_OK ||
       bbz_reader_read_tensor(base, old, weights, (size_t)tensor.byte_size, error) == BBZ_OK;
  ok = ok &&
       bbz_reader_update_tensor(update, number, weights, (size_t)tensor.byte_size, error) == BBZ_OK;
  if (ok) printf("%s: %llu bytes\n", tensor.name, (unsigned long long)tensor.byte_size);
  free(weights);
  return ok;
}

int main(int argc, char** argv) {
  bbz_error* error = bbz_error_new();
  bbz_reader* base = NULL;
  bbz_reader* update = NULL;
  bbz_archive_info archive = {.struct_size = sizeof archive};
  uint32_t number;
  int ok = 0;
  if (argc != 3) {
    fprintf(stderr, "usage: %s BASE.bbz UPDATE.bbz\n", argv[0]);
    bbz_error_free(error);
    return 2;
  }
  base = open_archive(argv[1], error);
  if (base != NULL) update = open_archive(argv[2], error);
  if (update != NULL) ok = bbz_reader_info(update, &archive, error) == BBZ_OK;
  for (number = 0; ok && number < archive.tensor_count; ++number) {
    ok = update_tensor(base, update, number, error);
  }
  if (!ok) fprintf(stderr, "%s\n", bbz_error_message(error));
  bbz_reader_free(update);
  bbz_reader_free(base);
  bbz_error_free(error);
  return ok ? 0 : 1;
}
