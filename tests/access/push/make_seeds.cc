// Writes the seeds of fuzz/push.cc: archives of every kind behind the bytes that say how they are
// fed. Usage: make_push_seeds DIRECTORY
#include <cstdio>
#include <fstream>

#include "access/push/archives.h"
#include "bbz/base/checked.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  // Repairs, store, total and structure first; then short segments, shuffled, damaged, resumed.
  const unsigned char kSetups[][3] = {
      {0x00, 0x00, 1}, {0x7F, 0x0F, 2}, {0x3F, 0x02, 3}, {0x5F, 0x0D, 4}, {0x2F, 0x06, 5}};
  std::size_t next = 0;
  for (const bbz::push::Named& named : bbz::push::small_archives()) {
    const auto archive = named.archive();
    for (const std::size_t variant : {next, next + 1}) {
      const auto& setup = kSetups[variant % std::size(kSetups)];
      const std::string name = std::string(argv[1]) + "/" + named.name + "_" +
                               std::to_string(variant % std::size(kSetups));
      std::ofstream out(name, std::ios::binary);
      out.write(reinterpret_cast<const char*>(setup), 3);
      out.write(reinterpret_cast<const char*>(archive.data()),
                static_cast<std::streamsize>(archive.size()));
      if (archive.empty() || !out.flush()) return 1;
    }
    next += 2;
  }
  return 0;
}
