// Reads an archive from standard input and lists its tensors as they become whole, before the end
// of the archive is there:  curl -s https://example.org/model.bbz | receive
#include <bbz.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  uint64_t bytes;
  uint64_t tensors;
  const bbz_push* push;
} totals;

static int data(void* user, uint32_t tensor, uint64_t offset, const void* bytes, size_t size) {
  (void)tensor, (void)offset, (void)bytes;  // a program would copy them to their place
  ((totals*)user)->bytes += size;
  return 0;
}

static int end_tensor(void* user, uint32_t number) {
  totals* sum = user;
  bbz_tensor_info tensor = {.struct_size = sizeof tensor};
  if (bbz_push_tensor(sum->push, number, &tensor, NULL) != BBZ_OK) return -1;
  if (tensor.kind == BBZ_KIND_TENSOR) {
    printf("%s %" PRIu64 " bytes\n", tensor.name, tensor.byte_size);
    ++sum->tensors;
  }
  return 0;
}

int main(void) {
  totals sum = {.bytes = 0};
  const bbz_receiver receiver = {
      .struct_size = sizeof receiver, .user = &sum, .data = data, .end_tensor = end_tensor};
  bbz_error* error = bbz_error_new();
  bbz_push* push = NULL;
  bbz_code code = bbz_push_new(NULL, &receiver, &push, error);
  sum.push = push;

  static unsigned char buffer[1 << 16];
  uint64_t offset = 0;
  size_t size = 0;
  while (code == BBZ_OK && (size = fread(buffer, 1, sizeof buffer, stdin)) != 0) {
    code = bbz_push_feed(push, offset, buffer, size, error);
    offset += size;
  }
  if (code == BBZ_OK) code = bbz_push_finish(push, error);
  if (code == BBZ_OK) {
    printf("%" PRIu64 " tensors, %" PRIu64 " bytes, all of them right\n", sum.tensors, sum.bytes);
  } else {
    fprintf(stderr, "receive: %s\n", bbz_error_message(error));
  }
  bbz_push_free(push);
  bbz_error_free(error);
  return code == BBZ_OK && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
