// Reads the bytes of chunks into the caller's memory: of one dense tensor, and of many tensors at once.
#include <algorithm>
#include <utility>

#include "bbz/archive/internal/reader_state.h"
#include "bbz/parallel/ordered_map.h"

namespace bbz {
namespace {

// Returns whether the bytes of a tensor are those of its chunks, one after the other.
bool is_dense(const catalog::TensorMeta& tensor) {
  return !tensor.is_view() && !symmetry::is_expanded(tensor) && !symmetry::is_derived(tensor);
}

}  // namespace

// Decodes what a chunk has of the bytes of a dense tensor that begin at `offset`. A chunk within them is
// decoded directly into `out`, and one that extends beyond them into a buffer.
Status Reader::State::decode_part(const catalog::Tensor& tensor, const catalog::Chunk& chunk,
                                  std::uint64_t offset, MutableBytes out, Buffers& with,
                                  chunk::Before before) {
  const std::uint64_t chunk_bytes = tensor.meta.chunk_elements * tensor.meta.element_bits / 8;
  const std::uint64_t begin = chunk.meta.number * chunk_bytes;
  const std::uint64_t from = std::max(begin, offset);
  const std::uint64_t to = std::min(begin + chunk.decoded_bytes, offset + out.size());
  const MutableBytes target = out.subspan(from - offset, to - from);
  if (target.size() == chunk.decoded_bytes) {
    return read_chunk(tensor, chunk, with.payload, target, before);
  }
  with.plain.resize(chunk.decoded_bytes);
  BBZ_TRY(read_chunk(tensor, chunk, with.payload, with.plain));
  std::ranges::copy(Bytes(with.plain).subspan(from - begin, to - from), target.begin());
  return {};
}

// Decodes the chunks that overlap the range.
Status Reader::State::read_dense(const catalog::Tensor& tensor, std::uint64_t offset,
                                 MutableBytes out, chunk::Before before) {
  if (out.empty()) return {};
  const std::uint64_t chunk_bytes = tensor.meta.chunk_elements * tensor.meta.element_bits / 8;
  const std::uint64_t end = offset + out.size();
  std::uint64_t next = offset / chunk_bytes;
  struct Piece {
    const catalog::Chunk* chunk = nullptr;
    Buffers buffers;
  };
  if (end <= (next + 1) * chunk_bytes) {  // a small read does not need the pool
    const auto lent = buffers.borrow();
    Status decoded =
        decode_part(tensor, catalog.chunks[tensor.first_chunk + next], offset, out, *lent, before);
    lent->trim();
    return decoded;
  }
  const auto hint =
      prefetch(catalog.chunks_of(tensor).subspan(next, divide_up(end, chunk_bytes) - next));
  return parallel::ordered_map<Piece>(
      pool, parallel::queue_depth(pool),
      [&](Piece& piece) -> Result<bool> {
        if (next * chunk_bytes >= end) return false;
        piece.chunk = &catalog.chunks[tensor.first_chunk + next++];
        return true;
      },
      [&](Piece& piece) {
        return decode_part(tensor, *piece.chunk, offset, out, piece.buffers, before);
      },
      [](Piece&) { return Status(); });
}

Status Reader::read_parts(std::span<const ReadPart> parts,
                          const std::function<void(std::uint64_t)>& decoded) const {
  // A chunk of a part, or a whole part of a tensor that is not dense.
  struct Piece {
    const ReadPart* part = nullptr;
    const catalog::Chunk* chunk = nullptr;
    std::uint64_t bytes = 0;
    State::Buffers buffers;
  };
  std::vector<std::uint32_t> whole;
  for (const ReadPart& part : parts) {
    BBZ_TRY(check_range(part.tensor, part.offset, part.out.size()));
    const catalog::Tensor& tensor = catalog().tensors[part.tensor];
    BBZ_TRY(symmetry::check_form(catalog(), tensor));
    if (part.out.size() == tensor.byte_size) whole.push_back(part.tensor);
  }
  const auto hint = state_->prefetch(whole);
  std::uint64_t chunk = 0;  // the next of the first part of `parts`; 0 before it is begun
  bool begun = false;
  const auto next = [&](Piece& piece) -> bool {
    for (; !parts.empty(); parts = parts.subspan(1), begun = false) {
      const ReadPart& part = parts.front();
      const catalog::Tensor& tensor = catalog().tensors[part.tensor];
      piece.part = &part;
      piece.chunk = nullptr;
      piece.bytes = part.out.size();
      if (part.out.empty()) continue;
      if (!is_dense(tensor.meta)) {
        parts = parts.subspan(1);
        begun = false;
        return true;
      }
      const std::uint64_t size = tensor.meta.chunk_elements * tensor.meta.element_bits / 8;
      if (!std::exchange(begun, true)) chunk = part.offset / size;
      const std::uint64_t from = std::max(chunk * size, part.offset);
      const std::uint64_t end = part.offset + part.out.size();
      if (from >= end) continue;
      piece.chunk = &catalog().chunks[tensor.first_chunk + chunk++];
      piece.bytes = std::min(chunk * size, end) - from;
      return true;
    }
    return false;
  };
  std::uint64_t done = 0;
  return parallel::ordered_map<Piece>(
      state_->pool, parallel::queue_depth(state_->pool),
      [&](Piece& piece) -> Result<bool> { return next(piece); },
      [&](Piece& piece) {
        const ReadPart& part = *piece.part;
        if (piece.chunk == nullptr) return read_bytes(part.tensor, part.offset, part.out);
        return state_->decode_part(catalog().tensors[part.tensor], *piece.chunk, part.offset,
                                   part.out, piece.buffers);
      },
      [&](Piece& piece) {
        done += piece.bytes;
        if (decoded) decoded(done);
        return Status();
      });
}

}  // namespace bbz
