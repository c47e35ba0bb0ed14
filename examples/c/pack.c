// Packs a file or a directory, shows how far it is, and stops after so many seconds.
//   pack INPUT ARCHIVE [SECONDS]
#include <bbz.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// Called on this program's own thread, some fifty times a second.
static int show(void* user, uint32_t phase, uint64_t done, uint64_t total) {
  if (phase == BBZ_PHASE_WORK && total != BBZ_UNKNOWN) {
    fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " bytes", done, total);
  }
  return difftime(time(NULL), *(const time_t*)user) >= 0;
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    fprintf(stderr, "usage: pack INPUT ARCHIVE [SECONDS]\n");
    return EXIT_FAILURE;
  }
  time_t end = time(NULL) + (argc == 4 ? (time_t)atol(argv[3]) : (time_t)1 << 30);
  const bbz_pack_options options = {.struct_size = sizeof options, .progress = show, .user = &end};
  bbz_written written = {.struct_size = sizeof written};
  bbz_error* error = bbz_error_new();
  const bbz_code code = bbz_pack(argv[1], argv[2], &options, &written, error);
  if (code == BBZ_OK) {
    fprintf(stderr, "\n");
    printf("%" PRIu64 " files, %" PRIu64 " bytes in %" PRIu64 "\n", written.file_count,
           written.input_bytes, written.archive_bytes);
  } else {
    fprintf(stderr, "\npack: %s\n", bbz_error_message(error));
  }
  bbz_error_free(error);
  return code == BBZ_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
