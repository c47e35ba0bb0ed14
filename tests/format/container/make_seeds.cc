// Writes the seeds of fuzz/container.cc: small archives behind the byte that says what the target
// repairs. Usage: make_container_seeds DIRECTORY
#include <cstdio>
#include <fstream>
#include <string>

#include "format/container/raw_archive.h"

namespace {

using namespace bbz::raw;

void write(const std::string& directory, const std::string& name, char mode, const Buffer& bytes) {
  std::ofstream out(directory + "/" + name, std::ios::binary);
  out << mode;
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  const std::string directory = argv[1];
  for (const bool front : {false, true}) {
    for (const bool sha : {false, true}) {
      const std::string name =
          std::string("sample") + (front ? "_front" : "") + (sha ? "_sha" : "");
      const Buffer bytes = sample(front, sha).bytes();
      for (const int mode : {0, 7, 15}) {
        write(directory, name + "_" + std::to_string(mode), static_cast<char>(mode), bytes);
      }
    }
  }
  // An index of zstd, which repeats the bytes of a long key.
  Archive coded = sample();
  coded.records[0] = metadata(kNone, std::string(255, 'k'), "tiny");
  coded.zstd_list = [](const Buffer& list) { return zstd_frame(list); };
  for (const int mode : {0, 7}) {
    write(directory, "zstd_" + std::to_string(mode), static_cast<char>(mode), coded.bytes());
  }
  Archive recorded = sample();
  recorded.records[1] = extend(
      recorded.records[1],
      {{.number = 1, .fields = "\xED\x03"}, {.number = 2, .fields = "\x80\xE2\xCF\xD5\x0C\x05"}});
  for (const int mode : {0, 7}) {
    write(directory, "attributes_" + std::to_string(mode), static_cast<char>(mode),
          recorded.bytes());
  }
  write(directory, "empty", 15, Archive{}.bytes());
  // One record of each type alone, to be recombined.
  for (const Record& record : sample().records) {
    Archive one;
    one.records = {record};
    write(directory, "record_" + std::to_string(record.type), 15, one.bytes());
  }
  Buffer glued = Archive{}.bytes();
  append(glued, sample().bytes());
  write(directory, "glued", 0, glued);
  // A padded record that is whole, and one that ends in its pad.
  Archive padded;
  padded.header.alignment = 6;
  padded.records = join({file(0, "f"), tensor({.stored = 1, .chunk = 1, .shape = {1}}),
                         raw_chunk({}, Buffer(1, std::byte{1}))});
  padded.records[1].align(padded.offset_of(1), 64);
  Buffer bytes = padded.bytes();
  write(directory, "padded", 15, bytes);
  bytes.resize(padded.offset_of(1) + padded.records[1].head_size() + 1);
  write(directory, "padded_cut", 0, bytes);
  return 0;
}
