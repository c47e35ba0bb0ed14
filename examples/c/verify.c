// Checks every byte of an archive, and names each damage.
//   verify ARCHIVE [ROOT]
#include <bbz.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// Names what the report lists. The error of the verification stays as it is.
static void show(const bbz_report* report) {
  bbz_report_info info = {.struct_size = sizeof info};
  if (bbz_report_get(report, &info, NULL) != BBZ_OK) return;
  for (size_t number = 0; number < info.listed_count; ++number) {
    bbz_damage damage = {.struct_size = sizeof damage};
    if (bbz_report_damage(report, number, &damage, NULL) != BBZ_OK) return;
    printf("%s %s: %s\n", damage.file, damage.tensor, damage.message);
  }
  if (info.damage_count == 0 && info.broken == BBZ_OK) {
    printf("%" PRIu64 " tensors, %s\n", info.tensor_count, info.root);
  }
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: verify ARCHIVE [ROOT]\n");
    return EXIT_FAILURE;
  }
  const bbz_verify_options options = {.struct_size = sizeof options,
                                      .expected_root = argc == 3 ? argv[2] : NULL};
  bbz_error* error = bbz_error_new();
  bbz_source* source = NULL;
  bbz_report* report = NULL;
  bbz_code code = bbz_source_open_file(argv[1], &source, error);
  if (code == BBZ_OK) code = bbz_verify(source, &options, &report, error);
  if (report != NULL) show(report);
  if (code != BBZ_OK) fprintf(stderr, "verify: %s\n", bbz_error_message(error));

  bbz_report_free(report);
  bbz_source_free(source);
  bbz_error_free(error);
  return code == BBZ_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
