// Form rider: all elements are in chunks, with parts of carried payloads in the rotation of the group.
#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/internal/forms.h"

namespace bbz::symmetry {

using catalog::TensorMeta;

Status check_rider(const catalog::Tensor& tensor) {
  BBZ_TRY(check_has_group(tensor.meta));
  return check_stored(tensor.meta, tensor.byte_size * 8 / tensor.meta.element_bits);
}

bool is_carried(const catalog::Chunk& chunk) {
  return chunk.meta.codec == codec::CodecId::kCarried;
}

Result<Joined> join_carried(const TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
                            Bytes riders) {
  BBZ_ASSIGN(const CarriedHead head, decode_carried_head(payload));
  if (head.offset > riders.size() || head.length > riders.size() - head.offset) {
    return about(Code::kMalformed, tensor, "chunk {}: no {} bytes at {}, the riders have {}",
                 chunk.meta.number, head.length, head.offset, riders.size());
  }
  const Bytes tail = payload.subspan(kCarriedHeadSize);
  if (head.length + tail.size() > chunk.decoded_bytes) {
    return about(Code::kMalformed, tensor, "chunk {}: a payload of {} bytes for {} decoded bytes",
                 chunk.meta.number, head.length + tail.size(), chunk.decoded_bytes);
  }
  Joined joined;
  joined.chunk = chunk;
  const Bytes carried = riders.subspan(head.offset, head.length);
  joined.payload.assign(carried.begin(), carried.end());
  joined.payload.insert(joined.payload.end(), tail.begin(), tail.end());
  joined.chunk.meta.codec = static_cast<codec::CodecId>(head.codec);
  joined.chunk.payload.length = joined.payload.size();
  joined.chunk.payload.check.reset();  // the archive has none of the joined payload
  return joined;
}

Result<std::vector<std::byte>> recover_riders(const BitsBackGroup& group,
                                              std::span<const catalog::Tensor> carriers,
                                              std::span<const std::vector<std::byte>> bytes) {
  std::vector<bitsback::Carrier> operands;
  for (std::size_t i = 0; i < carriers.size(); ++i) {
    operands.push_back({carriers[i].meta.dtype, bytes[i]});
  }
  auto riders = bitsback::decode(group.width, operands, group.record);
  if (!riders.ok()) {
    return about(riders.code(), carriers[0].meta, "rotation of its junction: {}",
                 riders.error().message);
  }
  return riders;
}

}  // namespace bbz::symmetry
