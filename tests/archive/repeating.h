// Files whose tensors share chunks, so that an archive has chunks of codec same.
#pragma once

#include "archive/sample.h"

namespace bbz {

// The bytes of each chunk, more than a payload that is stored again.
inline constexpr std::size_t kRepeatBytes = 100;

// Returns a tensor with one chunk of noise for each seed.
inline SampleTensor tensor_of_chunks(std::string name, std::optional<std::uint32_t> layer,
                                     const std::vector<unsigned>& seeds) {
  SampleTensor t =
      sample_tensor(std::move(name), DType::kU8, {seeds.size(), kRepeatBytes}, 0, layer);
  t.bytes.clear();
  for (const unsigned seed : seeds) {
    const auto chunk = noise(kRepeatBytes, seed);
    t.bytes.insert(t.bytes.end(), chunk.begin(), chunk.end());
  }
  return t;
}

// Returns two files with 15 chunks, of which 9 repeat earlier ones: of the tensor itself, of another
// layer, of the other file.
inline std::vector<SampleFile> repeating_files() {
  std::vector<SampleFile> files;
  files.push_back({"one", catalog::FileKind::kRegular, {}});
  files[0].tensors = {tensor_of_chunks("layers.0.a", 0, {101, 102, 103, 101}),
                      tensor_of_chunks("layers.1.b", 1, {102, 104, 101}),
                      tensor_of_chunks("layers.0.c", 0, {105})};
  files.push_back({"two", catalog::FileKind::kRegular, {}});
  files[1].tensors = {tensor_of_chunks("layers.1.d", 1, {101, 102, 103, 101}),
                      tensor_of_chunks("layers.0.e", 0, {105}),
                      tensor_of_chunks("layers.1.f", 1, {103, 106})};
  return files;
}

// Returns the options with which repeating_files() are cut into these chunks.
inline WriteOptions repeating_options(DigestKind digest = DigestKind::kXxh3_128,
                                      bool dedup = true) {
  WriteOptions options;
  options.chunk_bytes = kRepeatBytes;
  options.digest = digest;
  options.dedup = dedup;
  return options;
}

// Returns the number of chunks of codec same.
inline std::size_t repeats_in(const catalog::Catalog& catalog) {
  return static_cast<std::size_t>(std::ranges::count_if(
      catalog.chunks, [](const catalog::Chunk& chunk) { return chunk.same_as.has_value(); }));
}

}  // namespace bbz
