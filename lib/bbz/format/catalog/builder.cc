#include "bbz/format/catalog/builder.h"

#include <algorithm>
#include <iterator>

#include "bbz/base/format.h"
#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/format/catalog/internal/tiling.h"

namespace bbz::catalog {
namespace {

using container::RecordType;
using container::RecordView;

template <class... Args>
Error malformed(const RecordView& record, fmt::format_string<Args...> format, Args&&... args) {
  return make_error(Code::kMalformed, "{} record at offset {}: {}",
                    container::type_name(record.head.type), record.head.offset,
                    fmt::format(format, std::forward<Args>(args)...));
}

Status check_count(const RecordView& record, std::uint64_t count, std::uint64_t limit) {
  if (count < limit) return {};
  return make_error(Code::kLimit, "{} record at offset {}: the limit of {} is reached",
                    container::type_name(record.head.type), record.head.offset, limit);
}

Payload payload_of(const RecordView& record) {
  return {record.head.payload_offset(), record.head.payload_length, record.head.payload_checksum};
}

// Returns the bytes of `elements` elements of `bits` bits, or nothing if these are no whole bytes
// or exceed 64 bits.
std::optional<std::uint64_t> packed_bytes(std::uint64_t elements, unsigned bits) {
  const auto total = checked_mul(elements, bits);
  if (!total || *total % 8 != 0) return std::nullopt;
  return *total / 8;
}

// Returns the rank of a byte of a path in PathOrder.
int rank(char c) {
  return c == '/' ? -1 : static_cast<unsigned char>(c);
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

CatalogBuilder::CatalogBuilder(const container::FileHeader& header, const Limits& limits)
    : limits_(limits), root_(header.digest_kind) {
  catalog_.header = header;
}

Status CatalogBuilder::add(const RecordView& record) {
  switch (record.head.type) {
    case RecordType::kFile:
      BBZ_TRY(add_file(record));
      break;
    case RecordType::kFileEnd:
      BBZ_TRY(add_file_end(record));
      break;
    case RecordType::kTensor:
      BBZ_TRY(add_tensor(record));
      break;
    case RecordType::kChunk:
      BBZ_TRY(add_chunk(record));
      break;
    case RecordType::kMetadata:
      BBZ_TRY(add_metadata(record));
      break;
    case RecordType::kGroup:
      BBZ_TRY(add_group(record));
      break;
    default:
      return expect_chunks_done(record);
  }
  hash(record);
  return {};
}

void CatalogBuilder::hash(const RecordView& record) {
  std::vector<std::byte> bytes;
  WireWriter w(bytes);
  w.put(static_cast<std::uint8_t>(record.head.type));
  w.put(record.head.meta_length);
  const std::size_t meta = bytes.size();
  w.put_bytes(record.meta);
  const bool chunk = record.head.type == RecordType::kChunk;
  if (chunk) store_le(bytes.data() + meta + kChunkCodecOffset, std::uint16_t{0});
  w.put(chunk ? std::uint64_t{0} : record.head.payload_checksum);
  root_.update(bytes);
}

// Checks that the last tensor is complete: its chunks follow it directly, before any other record.
Status CatalogBuilder::expect_chunks_done(const RecordView& record) const {
  if (catalog_.tensors.empty()) return {};
  const Tensor& tensor = catalog_.tensors.back();
  const std::uint64_t have = catalog_.chunks.size() - tensor.first_chunk;
  if (have == tensor.chunk_count) return {};
  return malformed(record, "tensor {} {} has {} of its {} chunks so far", tensor.meta.number,
                   quoted(tensor.meta.name), have, tensor.chunk_count);
}

bool PathOrder::operator()(std::string_view a, std::string_view b) const {
  return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
}

// Compares a new path with its neighbours in PathOrder. That is enough: between a path and one
// below it come only others below it, and no path so far is below another. So only the one before
// can be a parent of the new one, and the one after can be below it.
Status CatalogBuilder::claim_path(const RecordView& record, const FileMeta& meta) {
  const auto after = paths_.lower_bound(meta.path);
  if (after != paths_.end() && *after == meta.path) {
    return malformed(record, "the path {} occurs twice", quoted(meta.path));
  }
  if (after != paths_.end() && is_below(*after, meta.path)) {
    return malformed(record, "the path {} is a directory above {}", quoted(meta.path),
                     quoted(*after));
  }
  if (after != paths_.begin() && is_below(meta.path, *std::prev(after))) {
    return malformed(record, "the path {} lies below the file {}", quoted(meta.path),
                     quoted(*std::prev(after)));
  }
  paths_.emplace_hint(after, meta.path);
  return {};
}

Status CatalogBuilder::add_file(const RecordView& record) {
  BBZ_ASSIGN(FileMeta meta, decode_file(record, limits_));
  BBZ_TRY(expect_chunks_done(record));
  BBZ_TRY(check_count(record, catalog_.files.size(), limits_.files));
  if (file_open_) {
    return malformed(record, "file {} has not ended", catalog_.files.size() - 1);
  }
  if (meta.number != catalog_.files.size()) {
    return malformed(record, "number {}, expected {}", meta.number, catalog_.files.size());
  }
  BBZ_TRY(claim_path(record, meta));
  File file;
  file.path = std::move(meta.path);
  file.kind = meta.kind;
  catalog_.files.push_back(std::move(file));
  file_open_ = true;
  return {};
}

Status CatalogBuilder::add_file_end(const RecordView& record) {
  BBZ_ASSIGN(const FileEndMeta meta, decode_file_end(record));
  BBZ_TRY(expect_chunks_done(record));
  if (!file_open_ || meta.number + std::uint64_t{1} != catalog_.files.size()) {
    return malformed(record, "file {} is not open", meta.number);
  }
  File& file = catalog_.files.back();
  if (meta.tensor_count != file.tensors.size()) {
    return malformed(record, "{} tensors, expected the {} before it", meta.tensor_count,
                     file.tensors.size());
  }
  file.size = meta.size;
  file.digest = meta.digest;
  BBZ_TRY(check_tiling(file, catalog_.tensors, record.head.offset));
  file_open_ = false;
  return {};
}

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

Status CatalogBuilder::add_tensor(const RecordView& record) {
  BBZ_ASSIGN(TensorMeta meta, decode_tensor(record, limits_));
  BBZ_TRY(expect_chunks_done(record));
  BBZ_TRY(check_count(record, catalog_.tensors.size(), limits_.tensors));
  if (meta.number != catalog_.tensors.size()) {
    return malformed(record, "number {}, expected {}", meta.number, catalog_.tensors.size());
  }
  const auto counted = bbz::element_count(meta.shape);
  if (!counted.ok()) return malformed(record, "{}", counted.error().message);
  const std::uint64_t elements = *counted;
  const auto size = packed_bytes(elements, meta.element_bits);
  if (!size || !checked_add(meta.offset, *size)) {
    return malformed(record,
                     "{} elements of {} bits at byte {}: not whole bytes, or beyond 64 bits",
                     elements, meta.element_bits, meta.offset);
  }
  if (!packed_bytes(meta.chunk_elements, meta.element_bits) ||
      !packed_bytes(meta.stored_elements, meta.element_bits)) {
    return malformed(record, "{} elements in chunks of {}: not whole bytes, or beyond 64 bits",
                     meta.stored_elements, meta.chunk_elements);
  }
  const std::uint64_t chunk_size =
      *packed_bytes(std::min(meta.chunk_elements, meta.stored_elements), meta.element_bits);
  if (chunk_size > limits_.chunk_bytes) {
    return make_error(Code::kLimit,
                      "tensor record at offset {}: chunks of {} bytes, the limit is {}",
                      record.head.offset, chunk_size, limits_.chunk_bytes);
  }
  if (meta.form == Form::kDense && (meta.stored_elements != elements || meta.group != kNone)) {
    return malformed(record, "a dense tensor of {} elements stores {} and has group {}", elements,
                     meta.stored_elements, meta.group);
  }
  BBZ_TRY(refer_to_group(record, meta));
  Tensor tensor;
  tensor.byte_size = *size;
  tensor.first_chunk = catalog_.chunks.size();
  tensor.chunk_count = divide_up(meta.stored_elements, meta.chunk_elements);
  if (tensor.chunk_count > limits_.chunks - catalog_.chunks.size()) {
    return make_error(Code::kLimit, "tensor record at offset {}: {} chunks, the limit is {} in all",
                      record.head.offset, tensor.chunk_count, limits_.chunks);
  }
  if (meta.file == kNone) {
    if (meta.kind != TensorKind::kTensor || meta.offset != 0 ||
        !operands_.insert(meta.name).second) {
      return malformed(record, "the operand {} is of kind bytes, has an offset or occurs twice",
                       quoted(meta.name));
    }
  } else {
    if (!file_open_ || meta.file + std::uint64_t{1} != catalog_.files.size() ||
        catalog_.files.back().kind != FileKind::kRegular) {
      return malformed(record, "file {} is not open", meta.file);
    }
    BBZ_TRY(claim_space(record, meta.offset + *size, *size));
    catalog_.files.back().tensors.push_back(meta.number);
  }
  tensor.meta = std::move(meta);
  catalog_.tensors.push_back(std::move(tensor));
  return {};
}

Status CatalogBuilder::add_chunk(const RecordView& record) {
  BBZ_ASSIGN(ChunkMeta meta, decode_chunk(record, catalog_.header.digest_kind));
  if (catalog_.tensors.empty() || meta.tensor + std::uint64_t{1} != catalog_.tensors.size()) {
    return malformed(record, "tensor {} is not before it", meta.tensor);
  }
  Tensor& tensor = catalog_.tensors.back();
  const std::uint64_t number = catalog_.chunks.size() - tensor.first_chunk;
  if (number >= tensor.chunk_count) {
    return malformed(record, "tensor {} has only {} chunks", meta.tensor, tensor.chunk_count);
  }
  const std::uint64_t first = number * tensor.meta.chunk_elements;
  const std::uint64_t count =
      std::min(tensor.meta.chunk_elements, tensor.meta.stored_elements - first);
  if (meta.number != number || meta.first_element != first || meta.element_count != count) {
    return malformed(record, "chunk {} with {} elements from {}, expected chunk {} with {} from {}",
                     meta.number, meta.element_count, meta.first_element, number, count, first);
  }
  Chunk chunk;
  chunk.decoded_bytes = count * tensor.meta.element_bits / 8;
  chunk.payload = payload_of(record);
  if (chunk.payload.length > chunk.decoded_bytes) {
    return malformed(record, "a payload of {} bytes for {} decoded bytes", chunk.payload.length,
                     chunk.decoded_bytes);
  }
  chunk.meta = std::move(meta);
  tensor.stored_bytes += chunk.payload.length;
  catalog_.stored_bytes += chunk.payload.length;
  catalog_.chunks.push_back(std::move(chunk));
  return {};
}

Status CatalogBuilder::add_metadata(const RecordView& record) {
  BBZ_ASSIGN(MetadataMeta meta, decode_metadata(record, catalog_.header.digest_kind));
  BBZ_TRY(expect_chunks_done(record));
  if (meta.file != kNone && meta.file >= catalog_.files.size()) {
    return malformed(record, "file {} has not begun", meta.file);
  }
  if (!keys_.emplace(meta.file, meta.key).second) {
    return malformed(record, "the key {} occurs twice", quoted(meta.key));
  }
  catalog_.metadata.push_back({std::move(meta), payload_of(record)});
  catalog_.stored_bytes += record.head.payload_length;
  return {};
}

Status CatalogBuilder::add_group(const RecordView& record) {
  BBZ_ASSIGN(GroupMeta meta, decode_group(record, catalog_.header.digest_kind));
  BBZ_TRY(expect_chunks_done(record));
  if (meta.number != catalog_.groups.size()) {
    return malformed(record, "number {}, expected {}", meta.number, catalog_.groups.size());
  }
  newest_groups_[meta.method] = meta.number;
  catalog_.groups.push_back({std::move(meta), payload_of(record),
                             static_cast<std::uint32_t>(catalog_.tensors.size()), kNone});
  catalog_.stored_bytes += record.head.payload_length;
  return {};
}

Status CatalogBuilder::finish() {
  if (!catalog_.tensors.empty()) {
    const Tensor& tensor = catalog_.tensors.back();
    const std::uint64_t have = catalog_.chunks.size() - tensor.first_chunk;
    if (have != tensor.chunk_count) {
      return make_error(Code::kMalformed, "the records end: tensor {} {} has {} of its {} chunks",
                        tensor.meta.number, quoted(tensor.meta.name), have, tensor.chunk_count);
    }
  }
  if (file_open_) {
    return make_error(Code::kMalformed, "the records end: file {} has not ended",
                      quoted(catalog_.files.back().path));
  }
  return {};
}

Digest CatalogBuilder::root() {
  return root_.finish();
}

}  // namespace bbz::catalog
