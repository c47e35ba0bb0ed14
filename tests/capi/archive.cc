// Writes the sample archive and the files in it, for tests that are no C++.
//   capi_archive FOLDER    makes FOLDER/sample.bbz, and FOLDER/model as it was packed
#include <cstdio>
#include <fstream>

#include "archive/sample.h"

namespace {

bool write(const std::string& path, const std::vector<std::byte>& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  return out.flush().good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  const std::vector<bbz::SampleFile> files = bbz::sample_files();
  bbz::WriteOptions options;
  options.chunk_bytes = 64;
  options.digest = bbz::DigestKind::kSha256;
  const auto archive = bbz::write_sample(files, options);
  if (!archive.ok()) {
    std::fprintf(stderr, "%s\n", archive.error().message.c_str());
    return 1;
  }
  const std::string folder = argv[1];
  return write(folder + "/sample.bbz", *archive) && write(folder + "/model", files[3].bytes()) ? 0
                                                                                               : 1;
}
