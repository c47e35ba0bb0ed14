// The part of CatalogBuilder that handles block types.
#include "bbz/base/names.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/catalog/internal/malformed.h"

namespace bbz::catalog {

using container::RecordView;

Status CatalogBuilder::add_block_type(const RecordView& record) {
  BBZ_ASSIGN(BlockTypeMeta meta, decode_block_type(record));
  BBZ_TRY(expect_chunks_done(record));
  BBZ_TRY(check_count(record, catalog_.block_types.size(), BlockType::kMostTypes));
  if (meta.number != catalog_.block_types.size()) {
    return malformed(record, "number {}, expected {}", meta.number, catalog_.block_types.size());
  }
  if (!block_names_.insert(meta.type->name).second) {
    return malformed(record, "the block type {} occurs twice", quoted(meta.type->name));
  }
  use(meta.extensions);
  for (const BlockField& field : meta.type->fields) {
    use(Registry::kDType, static_cast<std::uint64_t>(field.dtype));
  }
  catalog_.block_types.push_back(std::move(meta));
  return {};
}

// Checks that the block type of a tensor of blocks precedes it, and has blocks of the stated size.
Status CatalogBuilder::check_blocks(const RecordView& record, const TensorMeta& meta) const {
  if (meta.dtype != DType::kBlock) return {};
  if (meta.block_type >= catalog_.block_types.size()) {
    return malformed(record, "block type {} is not before it", meta.block_type);
  }
  const BlockType& type = *catalog_.block_types[meta.block_type].type;
  if (type.bits() != meta.element_bits) {
    return malformed(record, "blocks of {} bytes, block type {} {} has {}", meta.element_bits / 8,
                     meta.block_type, quoted(type.name), type.bytes());
  }
  const auto shape = bbz::shape_in_values(meta.shape, type.values);
  return shape.ok() ? Status() : malformed(record, "{}", shape.error().message);
}

}  // namespace bbz::catalog
