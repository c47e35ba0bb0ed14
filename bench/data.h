// The data of the benchmark: generated weights, and tensors of safetensors files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "coder.h"

namespace bbz::bench {

struct DataSet {
  std::string name;
  std::vector<std::byte> bytes;
  std::vector<std::byte> base;  // as long, or empty
  std::vector<Chunk> chunks;    // of `bytes`
};

// Gaussian rows of 4096 whose scales are log-normal, 0.02 exp(0.3 z), in chunks of 1 MiB.
DataSet generated(DType dtype, std::size_t size);

// The same rows as a base, and these after a Gaussian step of this size.
DataSet generated_step(DType dtype, std::size_t size, double step);

// The cases of tests/codec/generate_numbers.h whose names have this part: floats of a narrower type, zeros,
// products, integers, and rows that resemble each other, in chunks of 1 MiB.
std::vector<DataSet> generated_numbers(const std::string& part, std::size_t size);

// Every tensor of a file, in chunks of whole rows of about 1 MiB. If `base` is not empty, it is a
// file with a base, and tensors that have the same name, dtype and shape there are on it. Errors:
// kIo; those of safetensors::parse.
Result<DataSet> from_file(const std::filesystem::path& path, const std::filesystem::path& base);

}  // namespace bbz::bench
