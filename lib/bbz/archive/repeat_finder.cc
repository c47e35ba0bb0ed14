#include "bbz/archive/repeat_finder.h"

#include <algorithm>

namespace bbz {

RepeatFinder::RepeatFinder(const container::RecordWriter& records, catalog::CatalogBuilder& builder)
    : records_(records), builder_(builder) {
  const bool has_digests = builder.catalog().header.digest_kind == DigestKind::kSha256;
  if (!records.can_read() && !has_digests) keyed_.emplace();
}

RepeatFinder::Hash RepeatFinder::hash_of(Bytes payload) const {
  return keyed_ && payload.size() > kMostStored ? Hash(keyed_->of(payload)) : Hash();
}

Result<bool> RepeatFinder::find(const catalog::TensorMeta& tensor, const catalog::ChunkMeta& chunk,
                                Bytes payload, const Hash& hash) {
  const catalog::Catalog& catalog = builder_.catalog();
  // The tensors that belong to a group repeat none. Only the payload of the group says which these
  // are, so that all tensors after the first group are left alone.
  const bool may =
      catalog::may_repeat(tensor) && catalog.groups.empty() && payload.size() > kMostStored;
  const auto found = may ? builder_.find_repeated(tensor, chunk) : std::nullopt;
  if (!found) return false;
  if (chunk.decoded_digest) return true;  // find_repeated() compares them
  const catalog::Chunk& other = catalog.chunks[*found];
  if (other.meta.codec != chunk.codec || other.payload.length != payload.size()) return false;
  if (keyed_) {
    const auto known = hashes_.find(*found);
    return known != hashes_.end() && known->second == hash;
  }
  other_.resize(payload.size());
  BBZ_TRY(records_.read(other.payload.offset, other_));
  return std::ranges::equal(other_, payload);
}

void RepeatFinder::note(const Hash& hash) {
  if (hash) hashes_.emplace(builder_.catalog().chunks.size() - 1, *hash);
}

}  // namespace bbz
