#include "access/push/archives.h"

#include "archive/pivoting.h"
#include "archive/repeating.h"
#include "ops/rotation/packed.h"

namespace bbz::push {
namespace {

std::vector<std::byte> sample(DigestKind digest, bool front) {
  WriteOptions options;
  options.chunk_bytes = 64;
  options.digest = digest;
  auto archive = write_sample(sample_files(), options, front);
  return archive.ok() ? std::move(*archive) : std::vector<std::byte>();
}

std::vector<std::byte> blocks() {
  auto archive = write_sample(block_files(), repeating_options());
  return archive.ok() ? std::move(*archive) : std::vector<std::byte>();
}

std::vector<std::byte> repeating(DigestKind digest, bool front) {
  auto archive = write_sample(repeating_files(), repeating_options(digest), front);
  return archive.ok() ? std::move(*archive) : std::vector<std::byte>();
}

std::vector<std::byte> pivoted(DigestKind digest, bool front) {
  WriteOptions options;
  options.digest = digest;
  options.chunk_bytes = 96;
  auto archive = write_sample({pivot_file().file}, options, front);
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
      {"triangular", [small] { return sliced(RequestedMethod::kTriangular, small); }},
      {"polar", [small] { return sliced(RequestedMethod::kPolar, small); }},
      {"bits_back", [small] { return sliced(RequestedMethod::kBitsBack, small); }},
      {"blocks", [] { return blocks(); }},
      {"repeats", [] { return repeating(DigestKind::kXxh3_128, false); }},
      {"repeats_front", [] { return repeating(DigestKind::kXxh3_128, true); }},
      {"repeats_sha256", [] { return repeating(DigestKind::kSha256, false); }},
      {"pivot", [] { return pivoted(DigestKind::kXxh3_128, false); }},
      {"pivot_sha256_front", [] { return pivoted(DigestKind::kSha256, true); }},
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
