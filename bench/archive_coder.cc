#include <cstring>

#include "bbz/format/container/record.h"
#include "coder.h"

namespace bbz::bench {
namespace {

// The tensor of whole rows that a chunk is a part of: its chunk 0, or 1 if a row begins before
// it.
catalog::TensorMeta tensor_of(const Chunk& chunk) {
  const codec::ChunkShape& shape = chunk.shape;
  catalog::TensorMeta tensor;
  tensor.name = "bench";
  tensor.kind = catalog::TensorKind::kTensor;
  tensor.dtype = shape.dtype;
  tensor.element_bits = static_cast<std::uint8_t>(dtype_info(shape.dtype).bits);
  const std::uint64_t rows = divide_up(shape.first_column + shape.elements, shape.row_length);
  tensor.shape = {rows, shape.row_length};
  tensor.stored_elements = rows * shape.row_length;
  tensor.chunk_elements = shape.first_column == 0 ? shape.elements : shape.first_column;
  return tensor;
}
std::uint32_t number_of(const Chunk& chunk) {
  return chunk.shape.first_column == 0 ? 0 : 1;
}

}  // namespace

// What is stored is the payload and, behind it, what a reader knows from the chunk's record: the
// meta, its length and the payload's check. The meta is that of a further chunk: that of chunk 0 is
// a part of the tensor's.
Coder archive_coder(const char* name, chunk::Check check) {
  struct Tail {
    std::uint64_t check;  // a check32
    std::uint64_t meta_size;
  };
  return {name, [](const Chunk&) { return true; },
          [](const Chunk& chunk, std::vector<std::byte>& payload) {
            thread_local std::vector<std::byte> meta;
            catalog::ChunkMeta fields =
                chunk::encode(tensor_of(chunk), number_of(chunk), chunk.plain, {},
                              DigestKind::kXxh3_128, payload);
            fields.number = 1;
            meta.clear();
            catalog::encode_meta(fields, meta);
            const Tail tail{check32(payload), meta.size()};
            payload.insert(payload.end(), meta.begin(), meta.end());
            const Bytes bytes = std::as_bytes(std::span(&tail, 1));
            payload.insert(payload.end(), bytes.begin(), bytes.end());
          },
          [=](const Chunk& chunk, Bytes stored, MutableBytes out) {
            Tail tail;
            std::memcpy(&tail, stored.data() + stored.size() - sizeof tail, sizeof tail);
            stored = stored.first(stored.size() - sizeof tail);
            const Bytes meta = stored.last(tail.meta_size);
            const Bytes payload = stored.first(stored.size() - meta.size());
            const auto fields = catalog::decode_chunk(
                {container::make_head(container::RecordType::kChunk, meta, {}, 0), meta},
                DigestKind::kXxh3_128);
            if (!fields.ok()) return false;
            catalog::Chunk place;
            place.meta = *fields;
            place.first_element = chunk.shape.first_column;
            place.element_count = chunk.shape.elements;
            place.decoded_bytes = out.size();
            place.payload.length = payload.size();
            place.payload.check = static_cast<std::uint32_t>(tail.check);
            return chunk::decode(tensor_of(chunk), place, payload, out, check).ok();
          }};
}

}  // namespace bbz::bench
