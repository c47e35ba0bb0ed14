#include "bbz/archive/internal/block_types.h"

#include "bbz/base/format.h"
#include "bbz/base/names.h"

namespace bbz::internal {

Result<std::uint64_t> size_of(const catalog::TensorMeta& meta, std::uint64_t elements) {
  if (meta.dtype != DType::kBlock) return byte_size(meta.dtype, elements);
  const auto size = packed_bytes(elements, meta.element_bits);
  if (size) return *size;
  return make_error(Code::kMalformed, "{} blocks of {} bits: the size exceeds 64 bits", elements,
                    meta.element_bits);
}

Result<std::uint32_t> BlockTypes::number_of(const SharedBlockType& type, RecordQueue& queue) {
  if (type == nullptr) return catalog::kNone;
  const auto known = by_name_.find(type->name);
  if (known != by_name_.end()) {
    if (same_blocks(known->second.type, type)) return known->second.number;
    return make_error(Code::kInvalidArgument, "block type {}: another one has the name",
                      quoted(type->name));
  }
  const catalog::BlockTypeMeta meta{static_cast<std::uint32_t>(by_name_.size()), type};
  BBZ_TRY(queue.send(container::RecordType::kBlockType, meta));
  by_name_.emplace(type->name, meta);
  return meta.number;
}

}  // namespace bbz::internal
