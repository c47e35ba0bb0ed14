#include "bbz/symmetry/decode.h"

namespace bbz::symmetry {

bool needs_group(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk) {
  return may_be_carried(tensor) && is_carried(chunk);
}

io::ByteRange chunk_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk) {
  const std::uint64_t bits = tensor.element_bits;
  if (is_expanded(tensor)) {
    const DenseRange range = dense_range(tensor, chunk);
    return {range.begin * bits / 8, (range.end - range.begin) * bits / 8};
  }
  return {chunk.first_element * bits / 8, chunk.decoded_bytes};
}

Status decode_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
                    const GroupAccess& group, chunk::Check check, MutableBytes out,
                    chunk::Before before) {
  if (needs_group(tensor, chunk)) {
    return group.state->decode_carried(*group.catalog, tensor, chunk, payload, out);
  }
  return chunk::decode(tensor, chunk, payload, out, check, before);
}

Status place_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes decoded,
                   std::vector<std::byte>& slice, const TakePart& take) {
  if (is_expanded(tensor)) return expand_chunk(tensor, chunk, decoded, slice, take);
  return take(chunk_range(tensor, chunk).offset, decoded);
}

}  // namespace bbz::symmetry
