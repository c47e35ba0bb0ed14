// Writes the tensors of a file of torch.save to standard output, for torch_test.py: of each, a line
// of its name, its dtype, its extents and its number of bytes, separated by tabs, and its elements. With
// a second file, writes that anew instead, or ends with 3 if the first holds what cannot be written.
#include <cstdio>
#include <span>

#include "bbz/files/torch/elements.h"
#include "bbz/files/torch/state_dict.h"
#include "files/torch/rewriting.h"

namespace {

using namespace bbz;

Status dump(const char* path) {
  BBZ_ASSIGN(const auto file, io::open_file(path));
  BBZ_ASSIGN(const auto state, torch::read_state_dict(*file));
  for (const torch::Tensor& tensor : state.tensors) {
    BBZ_ASSIGN(const auto elements, torch::element_source(*file, state, tensor));
    std::vector<std::byte> bytes(static_cast<std::size_t>(*elements->size()));
    BBZ_TRY(io::read_exactly(*elements, 0, bytes));
    std::string line = tensor.name + '\t' + std::string(dtype_info(tensor.dtype).name) + '\t';
    for (const std::uint64_t extent : tensor.shape) line += std::to_string(extent) + ' ';
    line += '\t' + std::to_string(bytes.size()) + '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  }
  return {};
}

Status rewrite_to(const char* path, const char* out) {
  BBZ_ASSIGN(const auto file, io::open_file(path));
  BBZ_ASSIGN(const std::string written, torch::rewrite(*file, "{}"));
  std::FILE* const to = std::fopen(out, "wb");
  if (to == nullptr) return error_with_message(Code::kIo, "cannot open the output");
  const bool whole = std::fwrite(written.data(), 1, written.size(), to) == written.size();
  if (std::fclose(to) != 0 || !whole) return error_with_message(Code::kIo, "cannot write");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  const Status status = argc == 2 ? dump(argv[1]) : rewrite_to(argv[1], argv[2]);
  if (status.ok()) return std::fflush(stdout) == 0 ? 0 : 1;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status.code() == Code::kUnsupported ? 3 : 1;
}
