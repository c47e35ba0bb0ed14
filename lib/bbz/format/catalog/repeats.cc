#include "bbz/format/catalog/repeats.h"
#include "bbz/base/shape.h"

namespace bbz::catalog {

bool may_repeat(const TensorMeta& tensor) {
  return tensor.form == Form::kDense && !tensor.is_operand() && !tensor.leans();
}

RepeatKey repeat_key(const TensorMeta& tensor, const Chunk& chunk) {
  RepeatKey key;
  key.checksum = chunk.meta.decoded_checksum;
  key.elements = chunk.element_count;
  // Not 0, because the tensor has a chunk.
  key.row_length = row_length(tensor.shape);
  key.first_column = chunk.first_element % key.row_length;
  key.dtype = tensor.dtype;
  key.element_bits = tensor.element_bits;
  return key;
}

void share_payload(Chunk& chunk, const TensorMeta& owner, const Chunk& other) {
  chunk.payload = other.payload;
  chunk.meta.codec = other.meta.codec;
  bool& unknown = chunk.meta.extensions.unknown;
  unknown = unknown || other.meta.extensions.unknown || owner.extensions.unknown;
}

std::optional<std::uint64_t> Repeats::find(const Catalog& catalog, const TensorMeta& tensor,
                                           const Chunk& chunk) {
  for (; known_ < catalog.chunks.size(); ++known_) {
    const Chunk& other = catalog.chunks[known_];
    const Tensor& owner = catalog.tensors[other.meta.tensor];
    if (!other.same_as && may_repeat(owner.meta)) newest_[repeat_key(owner.meta, other)] = known_;
  }
  const auto found = newest_.find(repeat_key(tensor, chunk));
  if (found == newest_.end()) return std::nullopt;
  const bool same_digest =
      catalog.chunks[found->second].meta.decoded_digest == chunk.meta.decoded_digest;
  return same_digest ? std::optional(found->second) : std::nullopt;
}

}  // namespace bbz::catalog
