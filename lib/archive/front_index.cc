#include "bbz/archive/front_index.h"

namespace bbz {

template <class Meta>
void FrontIndexMeter::count(const Meta& meta, std::uint64_t times) {
  std::vector<std::byte> encoded;
  catalog::encode_meta(meta, encoded);
  bytes_ += times * (container::kHeadSize + encoded.size());
}

std::optional<Digest> FrontIndexMeter::digest() const {
  if (options_.digest != DigestKind::kSha256) return std::nullopt;
  return Digest{DigestKind::kSha256, {}};
}

void FrontIndexMeter::begin_file(std::string_view path) {
  catalog::FileMeta meta;
  meta.path = path;
  count(meta);
}

void FrontIndexMeter::end_file(bool sha256_of_file) {
  catalog::FileEndMeta meta;
  if (sha256_of_file) meta.digest = digest();
  count(meta);
}

void FrontIndexMeter::add_metadata(std::string_view key) {
  catalog::MetadataMeta meta;
  meta.key = key;
  meta.payload_digest = digest();
  count(meta);
}

Status FrontIndexMeter::begin_tensor(const TensorSpec& spec) {
  BBZ_ASSIGN(const catalog::TensorMeta tensor, tensor_meta(spec, options_.chunk_bytes));
  count(tensor);
  catalog::ChunkMeta chunk;
  chunk.decoded_digest = digest();
  count(chunk, divide_up(tensor.stored_elements, tensor.chunk_elements));
  return {};
}

}  // namespace bbz
