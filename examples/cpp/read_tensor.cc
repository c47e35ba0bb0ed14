// Writes the bytes of a tensor, or of some of its rows, to standard output.
//   read_tensor ARCHIVE TENSOR [FIRST-ROW NUMBER-OF-ROWS]
#include <bbz/archive/reader.h>

#include <charconv>
#include <cstdio>
#include <string_view>
#include <vector>

namespace {

// Only the chunks of the archive that hold these bytes are read.
bbz::Result<std::vector<std::byte>> read(const char* path, const char* name) {
  BBZ_ASSIGN(const bbz::Reader reader, bbz::Reader::open(path));
  BBZ_ASSIGN(const std::uint32_t tensor, reader.find_tensor(name));
  std::vector<std::byte> bytes(reader.catalog().tensors[tensor].byte_size);
  BBZ_TRY(reader.read_tensor(tensor, bytes));
  return bytes;
}

bbz::Result<std::vector<std::byte>> read_rows(const char* path, const char* name,
                                              std::uint64_t first, std::uint64_t count) {
  BBZ_ASSIGN(const bbz::Reader reader, bbz::Reader::open(path));
  BBZ_ASSIGN(const std::uint32_t tensor, reader.find_tensor(name));
  BBZ_ASSIGN(const auto range,
             bbz::catalog::row_bytes(reader.catalog().tensors[tensor], first, first + count));
  std::vector<std::byte> bytes(range.size);
  BBZ_TRY(reader.read_rows(tensor, first, count, bytes));
  return bytes;
}

bool parse(std::string_view text, std::uint64_t& number) {
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  if (argc != 3 && !(argc == 5 && parse(argv[3], first) && parse(argv[4], count))) {
    std::fprintf(stderr, "usage: read_tensor ARCHIVE TENSOR [FIRST-ROW NUMBER-OF-ROWS]\n");
    return 2;
  }
  const auto bytes = argc == 3 ? read(argv[1], argv[2]) : read_rows(argv[1], argv[2], first, count);
  if (!bytes.ok()) {
    std::fprintf(stderr, "read_tensor: %s\n", bytes.error().message.c_str());
    return 1;
  }
  const bool written = std::fwrite(bytes->data(), 1, bytes->size(), stdout) == bytes->size();
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}
