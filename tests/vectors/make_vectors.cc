// Writes format-spec/vectors anew. Usage: make_vectors DIRECTORY
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "vectors/vectors.h"

namespace {

namespace fs = std::filesystem;

bool write(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  return out.good();
}

std::string_view view(const bbz::raw::Buffer& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(
        stderr,
        "usage: %s DIRECTORY\nArchives with what an encoder chose (split-float, an index of "
        "zstd) are written only where they are missing.\n",
        argv[0]);
    return 2;
  }
  const fs::path root = argv[1];
  fs::create_directories(root / "valid");
  fs::create_directories(root / "invalid");
  bool ok = true;
  for (const auto& v : bbz::vectors::valid_vectors()) {
    const fs::path path = root / "valid" / (v.name + ".bbz");
    if (v.frozen && fs::exists(path)) continue;
    ok = write(path, view(v.bytes)) && ok;
    ok = write(root / "valid" / (v.name + ".json"), v.expected) && ok;
  }
  const auto invalid = bbz::vectors::invalid_vectors();
  for (const auto& v : invalid) {
    ok = write(root / "invalid" / (v.name + ".bbz"), view(v.bytes)) && ok;
  }
  ok = write(root / "invalid" / "manifest.json", bbz::vectors::manifest(invalid)) && ok;
  if (!ok) std::fprintf(stderr, "%s: cannot write\n", argv[1]);
  return ok ? 0 : 1;
}
