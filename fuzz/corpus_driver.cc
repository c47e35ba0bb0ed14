// Runs every file of a corpus directory through a fuzz target once, so that what fuzzing has found
// stays tested by any compiler, and if the target has a mutator of its own, some mutants of each,
// the same ones every time. Usage: corpus_NAME DIRECTORY
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

// Of targets that know the structure of their inputs.
extern "C" [[gnu::weak]] std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                                             std::size_t most, unsigned seed);

// What libFuzzer gives such a mutator for the parts without structure: here, one byte is changed.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t) {
  static std::uint32_t state = 1;
  state = state * 1664525 + 1013904223;
  if (size != 0) data[(state >> 8) % size] ^= static_cast<std::uint8_t>(1u << (state >> 29));
  return size;
}

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  if (argc != 2 || !fs::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s DIRECTORY, which must exist\n", argv[0]);
    return 2;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(argv[1])) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
    // Flushed before the run: if the target dies, the last line names the input.
    std::printf("%s: %zu bytes\n", file.filename().c_str(), bytes.size());
    std::fflush(stdout);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    constexpr unsigned kMutants = 30;
    for (unsigned seed = 0; LLVMFuzzerCustomMutator != nullptr && seed < kMutants; ++seed) {
      std::vector<std::uint8_t> mutant(bytes.begin(), bytes.end());
      mutant.resize(bytes.size() + 4096);
      mutant.resize(LLVMFuzzerCustomMutator(mutant.data(), bytes.size(), mutant.size(), seed));
      LLVMFuzzerTestOneInput(mutant.data(), mutant.size());
    }
  }
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? 1 : 0;
}
