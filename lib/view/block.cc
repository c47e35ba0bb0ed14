#include "bbz/view/block.h"

#include <algorithm>

#include "bbz/symmetry/form.h"

namespace bbz::view {

Result<Block> block_at(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                       std::uint64_t offset) {
  BBZ_TRY(symmetry::check_form(catalog, tensor));
  const catalog::TensorMeta& meta = tensor.meta;
  Block block;
  block.tensor = meta.number;
  if (meta.form == symmetry::kFormPolar) {
    block.end = tensor.byte_size;
    return block;
  }
  if (meta.form == symmetry::kFormLower) {
    const std::uint64_t size = meta.element_bits / 8;
    const auto chunks = catalog.chunks_of(tensor);
    const auto begin_of = [&](const catalog::Chunk& chunk) {
      return symmetry::lower_range(meta, chunk).begin * size;
    };
    const auto after = std::ranges::upper_bound(chunks, offset, {}, begin_of);
    const catalog::Chunk& chunk = *std::prev(after);  // the first one begins at 0
    const symmetry::DenseRange range = symmetry::lower_range(meta, chunk);
    block.number = chunk.meta.number;
    block.begin = range.begin * size;
    block.end = range.end * size;
    return block;
  }
  const std::uint64_t chunk_bytes = meta.chunk_elements * meta.element_bits / 8;
  block.number = static_cast<std::uint32_t>(offset / chunk_bytes);
  block.begin = block.number * chunk_bytes;
  block.end = std::min(block.begin + chunk_bytes, tensor.byte_size);
  return block;
}

}  // namespace bbz::view
