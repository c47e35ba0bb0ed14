#include "bbz/format/catalog/builder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "bbz/base/names.h"
#include "bbz/base/wire.h"
#include "bbz/format/catalog/internal/malformed.h"
#include "bbz/format/catalog/internal/tiling.h"

namespace bbz::catalog {
namespace {

using container::RecordType;
using container::RecordView;

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
  BBZ_TRY(check_place(record));
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
    case RecordType::kPrivateName:
      BBZ_TRY(add_private_name(record));
      break;
    case RecordType::kBlockType:
      BBZ_TRY(add_block_type(record));
      break;
    case RecordType::kBase:
      BBZ_TRY(add_base(record));
      break;
    case RecordType::kIndex:
    case RecordType::kTrailer:
      return expect_chunks_done(record);
    default:
      BBZ_TRY(add_unknown(record));
  }
  use(Registry::kRecordType, static_cast<std::uint32_t>(record.head.type));
  hash(record);
  return {};
}

// Checks the pad of a record against the alignment of the archive.
Status CatalogBuilder::check_place(const RecordView& record) const {
  const container::RecordHead& head = record.head;
  const std::uint64_t alignment = catalog_.header.alignment;
  if (alignment == 0) {
    if ((head.flags & container::kFlagPadded) == 0) return {};
    return malformed(record, "it is padded, and the archive has no alignment");
  }
  const bool aligned = head.has_chunk() && head.payload_length >= alignment;
  if (!aligned || head.payload_offset() % alignment == 0) return {};
  return malformed(record, "its payload at {} is not aligned to {}", head.payload_offset(),
                   alignment);
}

void CatalogBuilder::hash(const RecordView& record) {
  constexpr std::uint8_t kHashed = container::kFlagSkippable | container::kFlagExtended;
  const RecordType type = record.head.type;
  std::vector<std::byte> bytes;
  WireWriter w(bytes);
  w.put_varint(static_cast<std::uint32_t>(type));
  w.put(static_cast<std::uint8_t>(record.head.flags & kHashed));
  if (type == RecordType::kTensor || type == RecordType::kChunk) {
    append_without_codec(record, bytes);
  } else {
    w.put_varint(record.head.meta_length);
    w.put_bytes(record.meta);
  }
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
  use(meta.extensions);
  File file;
  file.extensions = meta.extensions;
  file.path = std::move(meta.path);
  file.kind = meta.kind;
  catalog_.files.push_back(std::move(file));
  file_open_ = true;
  file_end_ = 0;
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
  file.extensions.unknown = file.extensions.unknown || meta.extensions.unknown;
  use(meta.extensions);
  if (is_ordered(file) != meta.ordered) {
    return malformed(record, "its tensors are {} the order of the file",
                     meta.ordered ? "not in" : "in");
  }
  BBZ_TRY(check_tiling(file, catalog_.tensors, record.head.offset));
  file_open_ = false;
  return {};
}

// Returns whether the tensors of a file that have bytes were added in the order of their offsets.
bool CatalogBuilder::is_ordered(const File& file) const {
  std::uint64_t before = 0;
  return std::ranges::all_of(file.tensors, [&](std::uint32_t number) {
    const Tensor& tensor = catalog_.tensors[number];
    return tensor.byte_size == 0 || std::exchange(before, tensor.meta.offset) <= tensor.meta.offset;
  });
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
  use(meta.extensions);
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
  use(Registry::kMethod, static_cast<std::uint64_t>(meta.method));
  use(meta.extensions);
  newest_groups_[meta.method] = meta.number;
  catalog_.groups.push_back({std::move(meta), payload_of(record),
                             static_cast<std::uint32_t>(catalog_.tensors.size()), kNone});
  catalog_.stored_bytes += record.head.payload_length;
  return {};
}

Status CatalogBuilder::add_base(const RecordView& record) {
  BBZ_ASSIGN(BaseMeta meta, decode_base(record));
  BBZ_TRY(expect_chunks_done(record));
  BBZ_TRY(check_count(record, catalog_.bases.size(), BaseMeta::kMost));
  if (meta.number != catalog_.bases.size()) {
    return malformed(record, "number {}, expected {}", meta.number, catalog_.bases.size());
  }
  use(meta.extensions);
  catalog_.bases.push_back(std::move(meta));
  return {};
}

// Checks that an unknown record has a check of its payload, so that the root digest covers it.
Status CatalogBuilder::add_unknown(const RecordView& record) {
  BBZ_TRY(expect_chunks_done(record));
  if (!record.head.has_payload()) return {};
  const auto check = decode_check(record, catalog_.header.digest_kind);
  return check.ok() ? Status() : Status(check.error());
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
