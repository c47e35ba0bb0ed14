#include "access/push/archives.h"

#include "archive/sample.h"
#include "ops/rotation/packed.h"

namespace bbz::push {
namespace {

constexpr std::size_t kRepeatChunk = 96;  // bytes; more than a payload that is stored again

std::vector<std::byte> sample(DigestKind digest, bool front) {
  WriteOptions options;
  options.chunk_bytes = 64;
  options.digest = digest;
  auto archive = write_sample(sample_files(), options, front);
  return archive.ok() ? std::move(*archive) : std::vector<std::byte>();
}

// Returns two files whose tensors share chunks, of codec same where they repeat earlier ones: of the
// tensor itself, of another layer, of the other file.
std::vector<std::byte> repeating(DigestKind digest, bool front) {
  const auto tensor = [](const char* name, std::uint32_t layer, std::vector<unsigned> chunks) {
    SampleTensor t = sample_tensor(name, DType::kU8, {chunks.size(), kRepeatChunk}, 0, layer);
    t.bytes.clear();
    for (const unsigned seed : chunks) {
      const auto part = noise(kRepeatChunk, seed);
      t.bytes.insert(t.bytes.end(), part.begin(), part.end());
    }
    return t;
  };
  std::vector<SampleFile> files;
  files.push_back({"one", catalog::FileKind::kRegular, {}});
  files[0].tensors.push_back(tensor("layers.0.v", 0, {101, 102, 103, 101}));
  files[0].tensors.push_back(tensor("layers.1.v", 1, {102, 104, 101}));
  files[0].tensors.push_back(tensor("layers.0.w", 0, {105, 104}));
  files.push_back({"two", catalog::FileKind::kRegular, {}});
  files[1].tensors.push_back(tensor("layers.1.v", 1, {101, 102, 103, 101}));
  files[1].tensors.push_back(tensor("layers.0.v", 0, {105}));
  files[1].tensors.push_back(tensor("layers.1.w", 1, {103, 106}));
  WriteOptions options;
  options.chunk_bytes = kRepeatChunk;
  options.digest = digest;
  auto archive = write_sample(files, options, front);
  return archive.ok() ? std::move(*archive) : std::vector<std::byte>();
}

std::vector<std::byte> sliced(rotation::RequestedMethod method, bool small) {
  test_models::Spec spec = rotation::small_spec("llama", DType::kF16);
  if (small) {
    spec.layers = 1;
    spec.hidden = 16;
    spec.widths = {13, 12, 13};
    spec.inner = 20;
    spec.vocabulary = 18;
  }
  const auto file = rotation::file_of(test_models::sliced_model(spec));
  auto packed = rotation::pack_file(file, method, DigestKind::kSha256, 512);
  return packed.ok() ? std::move(packed->archive) : std::vector<std::byte>();
}

std::vector<Named> all(bool small) {
  using rotation::RequestedMethod;
  return {
      {"plain", [] { return sample(DigestKind::kXxh3_128, false); }},
      {"plain_front", [] { return sample(DigestKind::kXxh3_128, true); }},
      {"sha256", [] { return sample(DigestKind::kSha256, false); }},
      {"sha256_front", [] { return sample(DigestKind::kSha256, true); }},
      {"repeats", [] { return repeating(DigestKind::kXxh3_128, false); }},
      {"repeats_front", [] { return repeating(DigestKind::kXxh3_128, true); }},
      {"repeats_sha256", [] { return repeating(DigestKind::kSha256, false); }},
      {"triangular", [small] { return sliced(RequestedMethod::kTriangular, small); }},
      {"polar", [small] { return sliced(RequestedMethod::kPolar, small); }},
      {"bits_back", [small] { return sliced(RequestedMethod::kBitsBack, small); }},
  };
}

}  // namespace

std::vector<Named> archives() {
  return all(false);
}
std::vector<Named> small_archives() {
  return all(true);
}

}  // namespace bbz::push
