// Lists the tensors of an archive, or writes the bytes of one of them to standard output.
//   list ARCHIVE [TENSOR]
// The archive is a file or, of http or https, a URL.
#include <bbz.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bbz_code list(const bbz_reader* reader, bbz_error* error) {
  bbz_archive_info archive = {.struct_size = sizeof archive};
  bbz_code code = bbz_reader_info(reader, &archive, error);
  for (uint32_t number = 0; code == BBZ_OK && number < archive.tensor_count; ++number) {
    bbz_tensor_info tensor = {.struct_size = sizeof tensor};
    code = bbz_reader_tensor(reader, number, &tensor, error);
    if (code != BBZ_OK || tensor.kind != BBZ_KIND_TENSOR) continue;
    const char* dtype = bbz_dtype_name(tensor.dtype);
    printf("%s %s [", tensor.name, dtype != NULL ? dtype : "?");
    for (uint32_t axis = 0; axis < tensor.rank; ++axis) {
      printf("%s%" PRIu64, axis == 0 ? "" : ", ", tensor.shape[axis]);
    }
    printf("] %" PRIu64 " bytes, stored in %" PRIu64 "\n", tensor.byte_size, tensor.stored_bytes);
  }
  return code;
}

static bbz_code decode(const bbz_reader* reader, const char* name, bbz_error* error) {
  uint32_t number = 0;
  bbz_code code = bbz_reader_find_tensor(reader, name, strlen(name), BBZ_NONE, &number, error);
  if (code != BBZ_OK) return code;
  bbz_tensor_info tensor = {.struct_size = sizeof tensor};
  code = bbz_reader_tensor(reader, number, &tensor, error);
  if (code != BBZ_OK) return code;

  const size_t size = (size_t)tensor.byte_size;
  unsigned char* bytes = malloc(size != 0 ? size : 1);
  if (bytes == NULL) {
    fprintf(stderr, "list: out of memory for %" PRIu64 " bytes\n", tensor.byte_size);
    exit(EXIT_FAILURE);
  }
  code = bbz_reader_read_tensor(reader, number, bytes, size, error);
  if (code == BBZ_OK) fwrite(bytes, 1, size, stdout);
  free(bytes);
  return code;
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: list ARCHIVE [TENSOR]\n");
    return EXIT_FAILURE;
  }
  bbz_error* error = bbz_error_new();
  bbz_source* source = NULL;
  bbz_reader* reader = NULL;
  bbz_code code = strstr(argv[1], "://") != NULL
                      ? bbz_source_open_url(argv[1], NULL, &source, error)
                      : bbz_source_open_file(argv[1], &source, error);
  if (code == BBZ_OK) code = bbz_reader_open(source, NULL, &reader, error);
  if (code == BBZ_OK) code = argc == 3 ? decode(reader, argv[2], error) : list(reader, error);
  if (code != BBZ_OK) fprintf(stderr, "list: %s\n", bbz_error_message(error));

  bbz_reader_free(reader);
  bbz_source_free(source);
  bbz_error_free(error);
  return code == BBZ_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
