// Writes an archive that unpacks to a safetensors file with one tensor.
//   write ARCHIVE
#include <bbz.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { kRows = 1000, kColumns = 64 };

static bbz_code write_all(bbz_writer* writer, bbz_error* error) {
  static float row[kColumns];
  const uint64_t shape[2] = {kRows, kColumns};
  const bbz_tensor_spec spec = {.struct_size = sizeof spec,
                                .name = "weight",
                                .name_length = 6,
                                .shape = shape,
                                .rank = 2,
                                .dtype = BBZ_DTYPE_F32};
  const bbz_tensor_spec* const specs[1] = {&spec};
  const bbz_text_pair metadata = {"format", 6, "pt", 2};
  bbz_code code =
      bbz_writer_begin_safetensors(writer, "model.safetensors", 17, specs, 1, &metadata, 1, error);
  if (code == BBZ_OK) code = bbz_writer_begin_tensor(writer, NULL, error);
  for (int i = 0; i < kRows && code == BBZ_OK; ++i) {
    for (int j = 0; j < kColumns; ++j) row[j] = (float)(i - j) / 1024;
    code = bbz_writer_write(writer, row, sizeof row, error);
  }
  if (code == BBZ_OK) code = bbz_writer_end_tensor(writer, error);
  if (code == BBZ_OK) code = bbz_writer_end_file(writer, error);
  return code;
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: write ARCHIVE\n");
    return EXIT_FAILURE;
  }
  bbz_written written = {.struct_size = sizeof written};
  bbz_error* error = bbz_error_new();
  bbz_writer* writer = NULL;
  bbz_code code = bbz_writer_create_file(argv[1], NULL, &writer, error);
  if (code == BBZ_OK) code = write_all(writer, error);
  if (code == BBZ_OK) code = bbz_writer_finish(writer, &written, error);
  if (code == BBZ_OK) {
    printf("%" PRIu64 " bytes in %" PRIu64 ", %s\n", written.input_bytes, written.archive_bytes,
           written.root);
  } else {
    fprintf(stderr, "write: %s\n", bbz_error_message(error));
  }
  bbz_writer_free(writer);  // an archive that is not finished does not appear
  bbz_error_free(error);
  return code == BBZ_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
