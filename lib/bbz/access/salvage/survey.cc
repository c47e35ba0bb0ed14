#include "bbz/access/salvage/survey.h"

#include <algorithm>

#include "bbz/base/format.h"
#include "bbz/format/container/index.h"

namespace bbz::salvage {
namespace {

using container::RecordType;
using container::RecordView;

catalog::Payload payload_of(const RecordView& record) {
  return {record.head.payload_offset(), record.head.payload_length, record.head.payload_checksum};
}

// Returns whether the elements fill whole bytes.
bool is_packed(std::uint64_t elements, std::uint64_t bits) {
  const auto total = checked_mul(elements, bits);
  return total && *total % 8 == 0;
}

class Surveyor {
 public:
  Surveyor(io::Source& source, const Limits& limits, DigestKind kind)
      : source_(source), limits_(limits), listed_left_(kIndexes * source.size().value_or(0)) {
    found_.digest_kind = kind;
  }

  void lost(const container::Gap& gap) { found_.gaps.push_back(gap); }

  // Takes a record that was found in the archive or that an index lists. The first record of a
  // thing wins.
  void take(const RecordView& record) {
    switch (record.head.type) {
      case RecordType::kFile:
        if (auto meta = catalog::decode_file(record, limits_); meta.ok()) {
          auto& file = found_.files[meta->number];
          if (!file.meta) file.meta = std::move(*meta);
        }
        break;
      case RecordType::kFileEnd:
        if (auto meta = catalog::decode_file_end(record); meta.ok()) {
          auto& file = found_.files[meta->number];
          if (!file.end) file.end = *meta;
        }
        break;
      case RecordType::kMetadata:
        take_metadata(record);
        break;
      case RecordType::kTensor:
        take_tensor(record);
        break;
      case RecordType::kGroup:
        if (auto meta = catalog::decode_group(record, found_.digest_kind); meta.ok()) {
          const std::uint32_t number = meta->number;
          found_.groups.try_emplace(
              number, FoundGroup{std::move(*meta), payload_of(record), record.head.offset, {}});
        }
        break;
      case RecordType::kChunk:
        take_chunk(record);
        break;
      case RecordType::kIndex:
        take_index(record);
        break;
      default:
        break;
    }
  }

  Survey finish() {
    for (auto& [number, chunk] : chunks_) place_chunk(chunk);
    place_groups();
    for (const auto& [of, payload] : metadata_) {
      const auto file = found_.files.find(of.first);
      if (file != found_.files.end()) file->second.metadata.emplace(of.second, payload);
    }
    for (const auto& [number, tensor] : found_.tensors) {
      if (tensor.meta.file != catalog::kNone)
        found_.files[tensor.meta.file].tensors.push_back(number);
    }
    for (auto& [number, file] : found_.files) {
      std::ranges::stable_sort(file.tensors, {}, [&](std::uint32_t tensor) {
        const FoundTensor& t = found_.tensors.at(tensor);
        return std::pair(t.meta.offset, t.byte_size != 0);
      });
    }
    return std::move(found_);
  }

 private:
  void take_metadata(const RecordView& record) {
    const auto meta = catalog::decode_metadata(record, found_.digest_kind);
    if (!meta.ok() || meta->file == catalog::kNone) return;
    if (meta->key != "format" && meta->key != "safetensors") return;
    metadata_.try_emplace({meta->file, meta->key}, payload_of(record));
  }

  void take_tensor(const RecordView& record) {
    auto meta = catalog::decode_tensor(record, limits_);
    if (!meta.ok() || found_.tensors.contains(meta->number)) return;
    const auto elements = bbz::element_count(meta->shape);
    const auto bits = elements.ok() ? checked_mul(*elements, meta->element_bits) : std::nullopt;
    if (!bits || *bits % 8 != 0) return;
    const auto end = checked_add(meta->offset, *bits / 8);
    if (!end || *end > limits_.unpacked_bytes) return;
    if (!is_packed(meta->chunk_elements, meta->element_bits) ||
        !is_packed(meta->stored_elements, meta->element_bits)) {
      return;
    }
    if (meta->form == catalog::Form::kDense &&
        (meta->stored_elements != *elements || meta->group != catalog::kNone)) {
      return;
    }
    const auto chunk_bits =
        checked_mul(std::min(meta->chunk_elements, meta->stored_elements), meta->element_bits);
    if (!chunk_bits || *chunk_bits / 8 > limits_.chunk_bytes) return;
    // Recovery visits every chunk, so a tensor may not have more chunks than the archive has room
    // for records.
    const std::uint64_t chunk_count = divide_up(meta->stored_elements, meta->chunk_elements);
    if (chunk_count > source_.size().value_or(0) / container::kHeadSize) return;
    FoundTensor tensor;
    tensor.offset = record.head.offset;
    tensor.byte_size = *bits / 8;
    tensor.chunk_count = chunk_count;
    const std::uint32_t number = meta->number;
    tensor.meta = std::move(*meta);
    found_.tensors.emplace(number, std::move(tensor));
  }

  void take_chunk(const RecordView& record) {
    const auto meta = catalog::decode_chunk(record, found_.digest_kind);
    if (!meta.ok()) return;
    chunks_.try_emplace({meta->tensor, meta->number}, catalog::Chunk{*meta, 0, payload_of(record)});
  }

  // Adds a chunk to its tensor, if it agrees with the tensor's record.
  void place_chunk(catalog::Chunk& chunk) {
    const auto at = found_.tensors.find(chunk.meta.tensor);
    if (at == found_.tensors.end()) {
      ++found_.orphans;
      return;
    }
    FoundTensor& tensor = at->second;
    if (chunk.meta.number >= tensor.chunk_count) return;
    const std::uint64_t first = chunk.meta.number * tensor.meta.chunk_elements;
    const std::uint64_t count =
        std::min(tensor.meta.chunk_elements, tensor.meta.stored_elements - first);
    if (chunk.meta.first_element != first || chunk.meta.element_count != count) return;
    chunk.decoded_bytes = count * tensor.meta.element_bits / 8;
    if (chunk.payload.length > chunk.decoded_bytes) return;
    tensor.chunks.emplace(chunk.meta.number, chunk);
  }

  // Finds the tensor that follows each group: the next one that was found, unless the records of
  // others may be missing between the two.
  void place_groups() {
    std::map<std::uint64_t, std::uint32_t> by_offset;
    for (const auto& [number, tensor] : found_.tensors) by_offset.emplace(tensor.offset, number);
    for (auto& [number, group] : found_.groups) {
      const auto next = by_offset.upper_bound(group.offset);
      if (next == by_offset.end()) continue;
      const auto before =
          next->second == 0 ? found_.tensors.end() : found_.tensors.find(next->second - 1);
      const bool counted = next->second == 0 ||
                           (before != found_.tensors.end() && before->second.offset < group.offset);
      const bool adjacent = next->first == group.payload.offset + group.payload.length;
      if (counted || adjacent) group.first_tensor = next->second;
    }
  }

  // Takes the records that a whole index lists, because the heads of some may be damaged.
  void take_index(const RecordView& record) {
    container::Index index;
    const auto meta = container::decode_index_meta(record, limits_);
    const auto size = source_.size();
    if (!meta.ok() || !size || record.head.end() > *size) return;
    if (meta->list_length > listed_left_) return;
    listed_left_ -= meta->list_length;
    index.meta = *meta;
    std::vector<std::byte> payload(record.head.payload_length);
    if (!io::read_exactly(source_, record.head.payload_offset(), payload).ok()) return;
    if (!container::check_payload(record.head, payload).ok()) return;
    auto list = container::decode_list(record.head, *meta, std::move(payload));
    if (!list.ok()) return;
    index.list = std::move(*list);
    index.begin = record.head.end();
    if (!meta->at_front) {
      // The records end where this index begins, so their lengths say where the first one begins.
      std::uint64_t length = 0;
      index.begin = 0;
      const Status counted =
          container::for_each_record(index, limits_, [&](const RecordView& entry) {
            length = entry.head.end();
            return Status();
          });
      if (!counted.ok() || length > record.head.offset) return;
      index.begin = record.head.offset - length;
    }
    const Status listed = container::for_each_record(index, limits_, [&](const RecordView& entry) {
      take(entry);
      return Status();
    });
    found_.had_index = found_.had_index || listed.ok();
  }

  // The most indexes that list a record. Each of its entries is shorter than the record.
  static constexpr std::uint64_t kIndexes = 2;

  io::Source& source_;
  const Limits& limits_;
  // The bytes that the lists of further indexes may have: many that list the same lost records would
  // take a time that grows with the square of the archive.
  std::uint64_t listed_left_;
  Survey found_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, catalog::Chunk> chunks_;
  std::map<std::pair<std::uint32_t, std::string>, catalog::Payload> metadata_;  // by file and key
};

// Finds the digest kind in the file header. If that is damaged, the length of the first chunk's
// meta tells it.
Result<DigestKind> find_digest_kind(io::Source& source, const Limits& limits) {
  std::vector<std::byte> start(container::kFileHeaderSize);
  BBZ_ASSIGN(const std::size_t got, io::read_up_to(source, 0, start));
  const auto header = container::decode_file_header(Bytes(start).first(got));
  if (header.ok()) return header->digest_kind;
  std::optional<DigestKind> kind;
  bool any = false;
  const Status scanned = container::scan_records(
      source, limits,
      [&](const RecordView& record) -> Status {
        any = true;
        if (record.head.type != RecordType::kChunk) return {};
        const bool plain = catalog::decode_chunk(record, DigestKind::kXxh3_128).ok();
        kind = plain ? DigestKind::kXxh3_128 : DigestKind::kSha256;
        return error_with_message(Code::kCancelled, "found");  // ends the scan
      },
      [](const container::Gap&) {});
  if (!scanned.ok() && scanned.code() != Code::kCancelled) return scanned.error();
  if (kind) return *kind;
  if (any) return DigestKind::kXxh3_128;
  return make_error(Code::kNotAnArchive, "{}: no record of a bbz archive found ({})", source.name(),
                    header.error().message);
}

}  // namespace

Result<Survey> survey(io::Source& source, const Limits& limits) {
  BBZ_ASSIGN(const DigestKind kind, find_digest_kind(source, limits));
  Surveyor surveyor(source, limits, kind);
  BBZ_TRY(container::scan_records(
      source, limits,
      [&](const RecordView& record) {
        surveyor.take(record);
        return Status();
      },
      [&](const container::Gap& gap) { surveyor.lost(gap); }));
  return surveyor.finish();
}

}  // namespace bbz::salvage
