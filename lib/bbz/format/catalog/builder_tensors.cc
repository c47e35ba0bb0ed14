// The part of CatalogBuilder that adds tensors and their chunks.
#include <algorithm>

#include "bbz/base/names.h"
#include "bbz/base/shape.h"
#include "bbz/format/catalog/builder.h"
#include "bbz/format/catalog/internal/malformed.h"

namespace bbz::catalog {

using container::RecordView;

// Counts the bytes of a tensor towards the limit when the tensor is declared, not when its file
// ends, so that the limit holds while a pipe is unpacked. The bytes end at offset `end` of the
// file.
Status CatalogBuilder::claim_space(const RecordView& record, std::uint64_t end,
                                   std::uint64_t size) {
  const std::uint64_t left = limits_.unpacked_bytes - catalog_.unpacked_bytes;
  if (size > left || end > limits_.unpacked_bytes) {
    return make_error(Code::kLimit,
                      "tensor record at offset {}: {} bytes up to byte {} of its file, the limit "
                      "for all files is {}, of which {} are left",
                      record.head.offset, size, end, limits_.unpacked_bytes, left);
  }
  catalog_.unpacked_bytes += size;
  return {};
}

// Checks that a tensor refers to the newest group of its method, so that readers in archive order
// need each group once.
Status CatalogBuilder::refer_to_group(const RecordView& record, const TensorMeta& meta) {
  if (meta.group == kNone) return {};
  if (meta.group >= catalog_.groups.size()) {
    return malformed(record, "group {} is not before it", meta.group);
  }
  Group& group = catalog_.groups[meta.group];
  const std::uint32_t newest = newest_groups_.at(group.meta.method);
  if (newest != meta.group) {
    return malformed(record, "group {} is not the newest of method {} before it, group {} is",
                     meta.group, static_cast<int>(group.meta.method), newest);
  }
  if (group.first_user == kNone) group.first_user = meta.number;
  return {};
}

// Checks the place that a tensor's record states, or finds the one that follows from the records
// before it: the next number, the open file, and the end of the tensor before it in that file.
Status CatalogBuilder::place(const RecordView& record, TensorRecord& fields) const {
  TensorMeta& meta = fields.tensor;
  const auto number = static_cast<std::uint32_t>(catalog_.tensors.size());
  if (fields.placed && meta.number != number) {
    return malformed(record, "number {}, expected {}", meta.number, number);
  }
  meta.number = number;
  if (meta.is_operand()) return {};
  const auto file = static_cast<std::uint32_t>(catalog_.files.size() - 1);
  if (!file_open_ || (fields.placed && meta.file != file) ||
      catalog_.files.back().kind != FileKind::kRegular) {
    return fields.placed ? malformed(record, "file {} is not open", meta.file)
                         : malformed(record, "no file is open");
  }
  meta.file = file;
  if (!fields.placed) meta.offset = file_end_;
  if (fields.moved == (meta.offset == file_end_)) {
    return malformed(
        record, "it begins at byte {} and {} said to be moved, the tensor before it ends at {}",
        meta.offset, fields.moved ? "is" : "is not", file_end_);
  }
  return {};
}

// Adds a view of `size` bytes to the open file, where its base is.
Status CatalogBuilder::add_view(const RecordView& record, TensorMeta& meta, std::uint64_t size) {
  const std::uint32_t back = meta.view->back;
  if (!file_open_ || back == 0 || back > meta.number) {
    return malformed(record, "a view of the tensor {} before it, of {}, and {} file is open", back,
                     meta.number, file_open_ ? "a" : "no");
  }
  const Tensor& base = catalog_.tensors[meta.base()];
  const auto file = static_cast<std::uint32_t>(catalog_.files.size() - 1);
  if (base.meta.file != file || base.meta.is_view()) {
    return malformed(record, "a view of tensor {}, which does not tile the open file", meta.base());
  }
  if (meta.stored_elements != 0 || meta.element_bits % 8 != 0) {
    return malformed(record, "a view with {} stored elements, of {} bits each",
                     meta.stored_elements, meta.element_bits);
  }
  const auto end = end_in_base(meta, size);
  if (!end || *end > base.byte_size) {
    return malformed(record, "a view from byte {} up to {}{}, tensor {} has {} bytes",
                     meta.view->offset, end ? "" : "beyond 64 bits: ", end.value_or(UINT64_MAX),
                     meta.base(), base.byte_size);
  }
  const std::uint64_t left = kMostViewedBytes - catalog_.viewed_bytes;
  if (size > left) {
    return make_error(Code::kLimit,
                      "tensor record at offset {}: a view of {} bytes, the limit for all views is "
                      "{}, of which {} are left",
                      record.head.offset, size, kMostViewedBytes, left);
  }
  catalog_.viewed_bytes += size;
  meta.file = file;
  meta.offset = base.meta.offset + meta.view->offset;
  catalog_.files.back().views.push_back(meta.number);
  return {};
}

Status CatalogBuilder::add_tensor(const RecordView& record) {
  BBZ_ASSIGN(TensorRecord fields, decode_tensor(record, catalog_.header.digest_kind, limits_));
  BBZ_TRY(expect_chunks_done(record));
  BBZ_TRY(check_count(record, catalog_.tensors.size(), limits_.tensors));
  BBZ_TRY(place(record, fields));
  TensorMeta& meta = fields.tensor;
  if (meta.leans() && meta.support->base >= catalog_.bases.size()) {
    return malformed(record, "base {} is not before it", meta.support->base);
  }
  BBZ_TRY(check_blocks(record, meta));
  BBZ_ASSIGN(const std::uint64_t elements, bbz::element_count(meta.shape));
  const auto size = packed_bytes(elements, meta.element_bits);
  const auto end = size ? checked_add(meta.offset, *size) : std::nullopt;
  if (!end) {
    return malformed(record,
                     "{} elements of {} bits at byte {}: not whole bytes, or beyond 64 bits",
                     elements, meta.element_bits, meta.offset);
  }
  const auto chunk_size =
      packed_bytes(std::min(meta.chunk_elements, meta.stored_elements), meta.element_bits);
  if (!chunk_size || !packed_bytes(meta.stored_elements, meta.element_bits)) {
    return malformed(record, "{} elements in chunks of {}: not whole bytes, or beyond 64 bits",
                     meta.stored_elements, meta.chunk_elements);
  }
  if (*chunk_size > limits_.chunk_bytes) {
    return make_error(Code::kLimit,
                      "tensor record at offset {}: chunks of {} bytes, the limit is {}",
                      record.head.offset, *chunk_size, limits_.chunk_bytes);
  }
  BBZ_TRY(refer_to_group(record, meta));
  Tensor tensor;
  if (meta.block_type != kNone) tensor.block = catalog_.block_types[meta.block_type].type;
  tensor.byte_size = *size;
  tensor.first_chunk = catalog_.chunks.size();
  tensor.chunk_count = divide_up(meta.stored_elements, meta.chunk_elements);
  if (tensor.chunk_count > limits_.chunks - catalog_.chunks.size()) {
    return make_error(Code::kLimit, "tensor record at offset {}: {} chunks, the limit is {} in all",
                      record.head.offset, tensor.chunk_count, limits_.chunks);
  }
  if (meta.is_view()) {
    BBZ_TRY(add_view(record, meta, *size));
  } else if (meta.is_operand()) {
    if (is_known(meta.form) && !operands_.insert(meta.name).second) {
      return malformed(record, "the operand {} occurs twice", quoted(meta.name));
    }
  } else {
    BBZ_TRY(claim_space(record, *end, *size));
    catalog_.files.back().tensors.push_back(meta.number);
    file_end_ = *end;
  }
  use(Registry::kDType, static_cast<std::uint64_t>(meta.dtype));
  use(Registry::kForm, static_cast<std::uint64_t>(meta.form));
  use(meta.extensions);
  tensor.meta = std::move(meta);
  catalog_.tensors.push_back(std::move(tensor));
  if (!fields.chunk) return {};
  fields.chunk->tensor = catalog_.tensors.back().meta.number;
  return take_chunk(record, *std::move(fields.chunk));
}

// Adds the next chunk of the last tensor.
Status CatalogBuilder::take_chunk(const RecordView& record, ChunkMeta meta) {
  Tensor& tensor = catalog_.tensors.back();
  use(Registry::kCodec, static_cast<std::uint64_t>(meta.codec));
  use(meta.extensions);
  Chunk chunk = chunk_of(tensor.meta, std::move(meta));
  chunk.payload = payload_of(record);
  if (chunk.payload.length > chunk.decoded_bytes) {
    return malformed(record, "a payload of {} bytes for {} decoded bytes", chunk.payload.length,
                     chunk.decoded_bytes);
  }
  if (needs_base(chunk.meta.codec) && !tensor.meta.leans()) {
    return malformed(record, "codec {} in a tensor that leans on no base",
                     static_cast<int>(chunk.meta.codec));
  }
  if (chunk.meta.codec == codec::CodecId::kSame) BBZ_TRY(repeat_chunk(record, chunk));
  if (chunk.same_as) {
    tensor.repeats = true;
  } else {
    tensor.stored_bytes += chunk.payload.length;
    catalog_.stored_bytes += chunk.payload.length;
  }
  catalog_.chunks.push_back(std::move(chunk));
  return {};
}

// Lets a chunk of codec same stand for the one that it repeats.
Status CatalogBuilder::repeat_chunk(const RecordView& record, Chunk& chunk) {
  const Tensor& tensor = catalog_.tensors.back();
  if (!may_repeat(tensor.meta)) {
    return malformed(record,
                     "codec same in a tensor that is not dense, in no file, or leans on a base");
  }
  if (chunk.payload.length != 0) {
    return malformed(record, "codec same with a payload of {} bytes", chunk.payload.length);
  }
  const auto found = repeats_.find(catalog_, tensor.meta, chunk);
  if (!found) return malformed(record, "codec same, and no chunk before it has the same bytes");
  const Chunk& repeated = catalog_.chunks[*found];
  chunk.same_as = static_cast<std::uint32_t>(*found);
  share_payload(chunk, catalog_.tensors[repeated.meta.tensor].meta, repeated);
  return {};
}

Status CatalogBuilder::add_chunk(const RecordView& record) {
  BBZ_ASSIGN(ChunkMeta meta, decode_chunk(record, catalog_.header.digest_kind));
  if (catalog_.tensors.empty() || meta.tensor + std::uint64_t{1} != catalog_.tensors.size()) {
    return malformed(record, "tensor {} is not before it", meta.tensor);
  }
  const Tensor& tensor = catalog_.tensors.back();
  const std::uint64_t number = catalog_.chunks.size() - tensor.first_chunk;
  if (number >= tensor.chunk_count) {
    return malformed(record, "tensor {} has only {} chunks", meta.tensor, tensor.chunk_count);
  }
  if (meta.number != number) {
    return malformed(record, "chunk {}, expected chunk {}", meta.number, number);
  }
  return take_chunk(record, std::move(meta));
}

}  // namespace bbz::catalog
