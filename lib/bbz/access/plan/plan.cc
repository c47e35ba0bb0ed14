#include "bbz/access/plan/plan.h"

#include <algorithm>
#include <set>

#include "bbz/base/format.h"
#include "bbz/format/chunk/payload.h"
#include "bbz/format/container/record.h"
#include "bbz/io/byte_range.h"
#include "bbz/symmetry/decode.h"
#include "bbz/symmetry/view.h"

namespace bbz::plan {
namespace {

using container::RecordType;

const catalog::Payload& payload_of(const catalog::Catalog& catalog, What what, std::uint64_t item) {
  switch (what) {
    case What::kChunk:
      return catalog.chunks[item].payload;
    case What::kGroup:
      return catalog.groups[item].payload;
    default:
      return catalog.metadata[item].payload;
  }
}

template <class Meta>
std::vector<std::byte> encode(const Meta& fields) {
  std::vector<std::byte> meta;
  catalog::encode_meta(fields, meta);
  return meta;
}

// Returns whether a tensor record, which has chunk 0, has the fields that the catalog has.
bool same_tensor(const catalog::Catalog& catalog, const catalog::ChunkMeta& chunk,
                 const container::RecordView& record) {
  const catalog::TensorMeta& tensor = catalog.tensors[chunk.tensor].meta;
  auto found = catalog::decode_tensor(record, catalog.header.digest_kind, Limits());
  if (!found.ok()) return false;
  if (!found->placed) {
    found->tensor.number = tensor.number;
    found->tensor.file = tensor.file;
    found->tensor.offset = tensor.offset;
    found->placed = true;
  }
  return encode(*found) == encode(catalog::TensorRecord{tensor, true, found->moved, chunk});
}

// Returns whether a record has the fields that the catalog has.
bool same_fields(const catalog::Catalog& catalog, What what, std::uint64_t item,
                 const container::RecordView& record) {
  const DigestKind kind = catalog.header.digest_kind;
  switch (what) {
    case What::kChunk: {
      const catalog::ChunkMeta& chunk = catalog.chunks[item].meta;
      if (chunk.number == 0) return same_tensor(catalog, chunk, record);
      const auto found = catalog::decode_chunk(record, kind);
      return found.ok() && encode(*found) == encode(chunk);
    }
    case What::kGroup: {
      const auto found = catalog::decode_group(record, kind);
      return found.ok() && encode(*found) == encode(catalog.groups[item].meta);
    }
    default: {
      const auto found = catalog::decode_metadata(record, kind);
      return found.ok() && encode(*found) == encode(catalog.metadata[item].meta);
    }
  }
}

RecordType type_of(const catalog::Catalog& catalog, const Piece& piece) {
  switch (piece.what) {
    case What::kChunk:
      return catalog.chunks[piece.item].meta.number == 0 ? RecordType::kTensor : RecordType::kChunk;
    case What::kGroup:
      return RecordType::kGroup;
    default:
      return RecordType::kMetadata;
  }
}

// Decodes the head at the start of a record, and compares it with the catalog. Returns nothing if it
// is damaged or another.
std::optional<container::RecordView> head_of(const catalog::Catalog& catalog, const Piece& piece,
                                             Bytes bytes) {
  if (bytes.size() < container::kLeastRecord) return std::nullopt;
  const auto size = container::head_size(bytes, piece.offset);
  if (!size.ok() || *size > piece.head_length) return std::nullopt;
  const auto record =
      container::decode_intact_head(bytes.first(*size), piece.offset, catalog.header.id);
  if (!record.ok() || record->head.type != type_of(catalog, piece)) return std::nullopt;
  const bool same_place = record->head.payload_offset() == piece.offset + piece.head_length &&
                          record->head.end() == piece.end();
  if (!same_place || !same_fields(catalog, piece.what, piece.item, *record)) return std::nullopt;
  return *record;
}

std::uint64_t item_count(const catalog::Catalog& catalog, What what) {
  switch (what) {
    case What::kChunk:
      return catalog.chunks.size();
    case What::kGroup:
      return catalog.groups.size();
    default:
      return catalog.metadata.size();
  }
}

std::vector<Range> merge(std::span<const Piece> pieces, const Options& options) {
  io::Nearness near{options.gap};
  if (options.most_bytes != 0) near.most_bytes = options.most_bytes;
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const io::ByteRange piece{pieces[i].offset, pieces[i].length};
    Range* const last = ranges.empty() ? nullptr : &ranges.back();
    if (last != nullptr && near.joinable({last->offset, last->length}, piece) == piece.size) {
      last->length = piece.end() - last->offset;
      ++last->piece_count;
    } else {
      ranges.push_back({piece.offset, piece.size, i, 1});
    }
  }
  return ranges;
}

}  // namespace

// The items that were found to be needed so far.
struct Planner::Wanted {
  std::set<std::uint64_t> chunks;
  std::set<std::uint32_t> groups;
  std::set<std::uint32_t> files;
  std::vector<std::uint32_t> unresolved;
};

std::uint64_t Plan::piece_bytes() const {
  std::uint64_t sum = 0;
  for (const Piece& piece : pieces) sum += piece.length;
  return sum;
}

std::uint64_t Plan::fetch_bytes() const {
  std::uint64_t sum = 0;
  for (const Range& range : ranges) sum += range.length;
  return sum;
}

Status Planner::want_group(std::uint32_t group, Wanted& wanted) const {
  if (!wanted.groups.insert(group).second) return {};
  const auto known = group_tensors_.find(group);
  if (known == group_tensors_.end()) {
    wanted.unresolved.push_back(group);
    return {};
  }
  BBZ_ASSIGN(const auto tensors,
             symmetry::group_tensors(catalog_, catalog_.groups[group], known->second));
  for (const catalog::Tensor& tensor : tensors) {
    for (std::uint64_t i = 0; i < tensor.chunk_count; ++i) {
      wanted.chunks.insert(tensor.first_chunk + i);
    }
  }
  return {};
}

Status Planner::want(const Part& part, Wanted& wanted) const {
  if (part.tensor >= catalog_.tensors.size()) {
    return make_error(Code::kInvalidArgument, "tensor {}: expected a number below {}", part.tensor,
                      catalog_.tensors.size());
  }
  const catalog::Tensor& tensor = catalog_.tensors[part.tensor];
  const catalog::TensorMeta& meta = tensor.meta;
  if (part.offset > tensor.byte_size || part.size > tensor.byte_size - part.offset) {
    return make_error(Code::kInvalidArgument, "tensor {}: no {} bytes at {}, its size is {}",
                      part.tensor, part.size, part.offset, tensor.byte_size);
  }
  BBZ_TRY(symmetry::check_form(catalog_, tensor));
  if (!tensor.is_operand()) wanted.files.insert(meta.file);
  // Of other forms, the chunks tell whether they need the group.
  if (symmetry::is_derived(meta)) BBZ_TRY(want_group(meta.group, wanted));
  if (part.size == 0) return {};
  if (meta.is_view()) return want_base(tensor, {part.offset, part.size}, wanted);
  const std::uint64_t end = part.offset + part.size;
  const std::uint64_t chunk_bytes =
      std::min(meta.chunk_elements, meta.stored_elements) * meta.element_bits / 8;
  const bool expanded = symmetry::is_expanded(meta);
  for (std::uint64_t i = expanded || chunk_bytes == 0 ? 0 : part.offset / chunk_bytes;
       i < tensor.chunk_count; ++i) {
    const catalog::Chunk& chunk = catalog_.chunks[tensor.first_chunk + i];
    const io::ByteRange range = symmetry::chunk_range(meta, chunk);
    if (range.end() <= part.offset) continue;
    if (range.offset >= end) break;
    wanted.chunks.insert(chunk.same_as ? *chunk.same_as : tensor.first_chunk + i);
    if (symmetry::needs_group(meta, chunk)) {
      BBZ_TRY(want_group(meta.group, wanted));
    }
  }
  return {};
}

// Wants the chunks of the base that some bytes of a view need.
Status Planner::want_base(const catalog::Tensor& view, const io::ByteRange& bytes,
                          Wanted& wanted) const {
  const catalog::Tensor& base = catalog_.tensors[view.meta.base()];
  for (const std::uint64_t chunk : symmetry::chunks_of_view(view.meta, base, bytes)) {
    const io::ByteRange range =
        symmetry::chunk_range(base.meta, catalog_.chunks[base.first_chunk + chunk]);
    BBZ_TRY(want({base.meta.number, range.offset, range.size}, wanted));
  }
  return {};
}

Result<Plan> Planner::plan(std::span<const Part> parts, const Options& options) const {
  Wanted wanted;
  for (const Part& part : parts) BBZ_TRY(want(part, wanted));
  Plan plan;
  const auto add = [&](What what, std::uint64_t item) {
    const catalog::Payload& payload = payload_of(catalog_, what, item);
    const io::ByteRange record = payload.record();
    plan.pieces.push_back({what, item, record.offset, record.size, payload.head_length});
  };
  for (const std::uint64_t chunk : wanted.chunks) add(What::kChunk, chunk);
  for (const std::uint32_t group : wanted.groups) add(What::kGroup, group);
  for (std::size_t i = 0; options.metadata && i < catalog_.metadata.size(); ++i) {
    const std::uint32_t file = catalog_.metadata[i].meta.file;
    if (file == catalog::kNone || wanted.files.contains(file)) add(What::kMetadata, i);
  }
  std::ranges::sort(plan.pieces, {}, &Piece::offset);
  plan.ranges = merge(plan.pieces, options);
  plan.unresolved = std::move(wanted.unresolved);
  return plan;
}

Status Planner::add_group(std::uint32_t group, Bytes payload) {
  if (group >= catalog_.groups.size()) {
    return make_error(Code::kInvalidArgument, "group {}: expected a number below {}", group,
                      catalog_.groups.size());
  }
  const catalog::Group& entry = catalog_.groups[group];
  if (payload.size() != entry.payload.length) {
    return make_error(Code::kInvalidArgument, "group {}: a payload of {} bytes, expected {}", group,
                      payload.size(), entry.payload.length);
  }
  BBZ_TRY(chunk::check_payload(entry.meta.check, entry.payload, payload));
  BBZ_ASSIGN(const auto state,
             symmetry::GroupState::make(entry, payload, catalog_.header.digest_kind));
  return resolve(group, state->tensor_count());
}

Status Planner::resolve(std::uint32_t group, std::uint64_t tensors) {
  if (group >= catalog_.groups.size()) {
    return make_error(Code::kInvalidArgument, "group {}: expected a number below {}", group,
                      catalog_.groups.size());
  }
  BBZ_TRY(symmetry::group_tensors(catalog_, catalog_.groups[group], tensors));
  group_tensors_[group] = tensors;
  return {};
}

Result<Plan> complete_plan(Planner& planner, const catalog::Catalog& catalog,
                           std::span<const Part> parts, const Options& options,
                           const ReadPayload& read) {
  while (true) {
    BBZ_ASSIGN(Plan plan, planner.plan(parts, options));
    if (plan.unresolved.empty()) return plan;
    for (const std::uint32_t group : plan.unresolved) {
      BBZ_ASSIGN(const std::vector<std::byte> payload, read(catalog.groups[group]));
      BBZ_TRY(planner.add_group(group, payload));
    }
  }
}

Status verify_piece(const catalog::Catalog& catalog, const Piece& piece, Bytes bytes) {
  if (piece.item >= item_count(catalog, piece.what) || bytes.size() != piece.length) {
    return make_error(Code::kInvalidArgument, "piece at offset {}: {} bytes, expected {}",
                      piece.offset, bytes.size(), piece.length);
  }
  const catalog::Payload& expected = payload_of(catalog, piece.what, piece.item);
  if (expected.head_length != piece.head_length ||
      expected.length + piece.head_length != piece.length ||
      expected.record().offset != piece.offset) {
    return make_error(
        Code::kInvalidArgument,
        "piece at offset {}: {} bytes with {} before the payload, expected {} with {}",
        piece.offset, piece.length, piece.head_length, expected.record().size,
        expected.head_length);
  }
  const auto record = head_of(catalog, piece, bytes);
  if (!record) {
    return make_error(Code::kChecksum,
                      "record at offset {}: its head is damaged, or differs from the index",
                      piece.offset);
  }
  const Bytes payload = bytes.subspan(piece.head_length);
  const Bytes pad = bytes.subspan(record->head.size(), record->head.pad_length);
  if (!container::check_pad(record->head, pad).ok()) {
    return make_error(Code::kChecksum, "record at offset {}: its pad is damaged", piece.offset);
  }
  BBZ_TRY(container::check_payload(record->head, payload));
  switch (piece.what) {
    case What::kGroup:
      return chunk::check_payload(catalog.groups[piece.item].meta.check, expected, payload);
    case What::kMetadata:
      return chunk::check_payload(catalog.metadata[piece.item].meta.check, expected, payload);
    default:
      return {};
  }
}

}  // namespace bbz::plan
