#include "bbz/access/view/block.h"

#include <algorithm>

#include "bbz/symmetry/decode.h"
#include "bbz/symmetry/view.h"

namespace bbz::view {
namespace {

// Returns the largest size of a block of an expanded tensor whose chunk stores `stored` bytes. Blocks
// are up to four times as large, because the chunk is decoded again for each of them, but over 8
// MiB only if the chunk stores more.
std::uint64_t most_bytes(std::uint64_t stored) {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 20;
  constexpr std::uint64_t kUsual = std::uint64_t{8} << 20;
  return std::max({stored, std::min(4 * stored, kUsual), kLeast});
}

}  // namespace

Result<Block> block_at(const catalog::Catalog& catalog, const catalog::Tensor& tensor,
                       std::uint64_t offset) {
  BBZ_TRY(symmetry::check_form(catalog, tensor));
  const catalog::TensorMeta& meta = tensor.meta;
  Block block;
  block.tensor = meta.number;
  if (symmetry::is_derived(meta)) {
    block.end = tensor.byte_size;
    return block;
  }
  if (meta.is_view()) {
    const std::uint64_t part = symmetry::part_bytes_of_view(meta, catalog.tensors[meta.base()]);
    block.begin = offset / part * part;
    block.end = std::min(block.begin + part, tensor.byte_size);
    return block;
  }
  if (symmetry::is_expanded(meta)) {
    const std::uint64_t size = meta.element_bits / 8;
    const auto chunks = catalog.chunks_of(tensor);
    const auto begin_of = [&](const catalog::Chunk& chunk) {
      return symmetry::chunk_range(meta, chunk).offset;
    };
    const auto after = std::ranges::upper_bound(chunks, offset, {}, begin_of);
    const catalog::Chunk& chunk = *std::prev(after);  // exists, because the first chunk begins at 0
    const io::ByteRange range = symmetry::chunk_range(meta, chunk);
    const std::uint64_t most = most_bytes(chunk.decoded_bytes) / size * size;
    block.number = chunk.meta.number;
    block.begin = range.offset + (offset - range.offset) / most * most;
    block.end = std::min(block.begin + most, range.end());
    return block;
  }
  const std::uint64_t chunk_bytes = meta.chunk_elements * meta.element_bits / 8;
  block.number = static_cast<std::uint32_t>(offset / chunk_bytes);
  block.begin = block.number * chunk_bytes;
  block.end = std::min(block.begin + chunk_bytes, tensor.byte_size);
  return block;
}

}  // namespace bbz::view
