#include "bbz/access/salvage/survey.h"

#include <algorithm>
#include <set>
#include <utility>

#include "bbz/access/salvage/internal/listed.h"
#include "bbz/access/salvage/internal/placer.h"
#include "bbz/access/salvage/internal/repeats.h"
#include "bbz/access/salvage/internal/views.h"
#include "bbz/base/format.h"

namespace bbz::salvage {
namespace {

using container::RecordType;
using container::RecordView;

using catalog::payload_of;

// The numbers of tensors that no record states begin here, far above those of real archives.
constexpr std::uint32_t kMadeUpTensors = kUnknownFile + 1;

class Surveyor {
 public:
  // `first` is the offset of the archive's first record; nullopt if the file header is lost.
  Surveyor(io::Source& source, const Limits& limits, DigestKind kind,
           std::optional<std::uint64_t> first)
      : source_(source),
        limits_(limits),
        first_(first),
        listed_left_(kIndexes * source.size().value_or(0)),
        placer_([this](SeenTensor seen) { take_placed(std::move(seen)); }) {
    found_.digest_kind = kind;
  }

  void lost(const container::Gap& gap) { found_.gaps.push_back(gap); }

  // Takes a record that was found in the archive.
  void find(const RecordView& record) {
    const std::uint64_t offset = record.head.offset;
    if (offset != run_end_) {
      placer_.gap();
      before_.reset();
    }
    run_end_ = record.head.end();
    if (record.head.type == RecordType::kIndex) {
      indexes_.push_back(offset);
      if (offset == first_) first_ = run_end_;
      return;
    }
    if (record.head.type == RecordType::kTrailer) return;
    if (offset == first_) placer_.begin();
    entry_.clear();
    container::encode_entry(record.head, record.meta, entry_);
    places_.add(entry_, record.head.offset);
    take(record);
    before_.reset();
    if (record.head.has_payload()) before_ = record.head;
  }

  // Takes the records that whole indexes list, because the heads of some may be damaged.
  void take_indexes(std::uint64_t id) {
    placer_.gap();
    before_.reset();
    for (const std::uint64_t offset : indexes_) take_index(offset, id);
  }

  // Takes a record that was found in the archive or that an index lists. The first record of a
  // thing wins.
  void take(const RecordView& record) {
    const bool says_place =
        record.head.type == RecordType::kTensor || record.head.type == RecordType::kChunk;
    if (!says_place) check_run();
    switch (record.head.type) {
      case RecordType::kFile:
        if (auto meta = catalog::decode_file(record, limits_); meta.ok()) {
          placer_.file(meta->number);
          auto& file = found_.files[meta->number];
          if (!file.meta) file.meta = std::move(*meta);
        } else {
          placer_.gap();
        }
        break;
      case RecordType::kFileEnd:
        if (auto meta = catalog::decode_file_end(record); meta.ok()) {
          placer_.file_end(*meta);
          auto& file = found_.files[meta->number];
          if (!file.end) file.end = *meta;
        } else {
          placer_.gap();
        }
        break;
      case RecordType::kMetadata:
        take_metadata(record);
        break;
      case RecordType::kTensor:
        if (!take_tensor(record)) placer_.gap();
        break;
      case RecordType::kGroup:
        if (auto meta = catalog::decode_group(record, found_.digest_kind); meta.ok()) {
          const std::uint32_t number = meta->number;
          found_.groups.try_emplace(
              number, FoundGroup{std::move(*meta), payload_of(record), record.head.offset, {}});
        }
        break;
      case RecordType::kBase:
        if (auto meta = catalog::decode_base(record); meta.ok()) {
          const std::uint32_t number = meta->number;
          found_.bases.try_emplace(number, std::move(*meta));
        }
        break;
      case RecordType::kChunk:
        take_chunk(record);
        break;
      default:
        break;
    }
  }

  Survey finish() {
    take_unplaced();
    for (auto& [number, chunk] : chunks_) place_chunk(chunk);
    share_payloads(source_, found_);
    place_groups();
    for (const auto& [of, value] : metadata_) {
      const auto file = found_.files.find(of.first);
      if (file != found_.files.end()) file->second.metadata.emplace(of.second, value);
    }
    place_views(found_);
    for (const auto& [number, tensor] : found_.tensors) {
      if (tensor.meta.file != catalog::kNone && !tensor.meta.is_view())
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
  // Ends the run if bytes are missing in the payload of the record before, so that its end is not
  // where the head says: the next record may be there by chance, and others be missing.
  void check_run() {
    if (!before_) return;
    const container::RecordHead head = *std::exchange(before_, std::nullopt);
    Xxh3Stream hash;
    std::vector<std::byte> part;
    for (std::uint64_t done = 0; done < head.payload_length; done += part.size()) {
      part.resize(std::min(head.payload_length - done, kPart));
      if (!io::read_exactly(source_, head.payload_offset() + done, part).ok()) break;
      hash.update(part);
    }
    if (!container::check_payload(head, hash.digest64()).ok()) placer_.gap();
  }

  void take_metadata(const RecordView& record) {
    const auto meta = catalog::decode_metadata(record, found_.digest_kind);
    if (!meta.ok() || meta->file == catalog::kNone || meta->extensions.unknown) return;
    if (meta->key != "format" && meta->key != "safetensors") return;
    metadata_.try_emplace({meta->file, meta->key},
                          FoundFile::Value{payload_of(record), meta->check});
  }

  // Passes a tensor record to the placer. Returns false if its fields are of no use.
  bool take_tensor(const RecordView& record) {
    auto fields = catalog::decode_tensor(record, found_.digest_kind, limits_);
    if (!fields.ok()) return false;
    const catalog::TensorMeta& meta = fields->tensor;
    const auto elements = bbz::element_count(meta.shape);
    const auto size = elements.ok() ? packed_bytes(*elements, meta.element_bits) : std::nullopt;
    if (!size || *size > limits_.unpacked_bytes) return false;
    const auto chunk_size =
        packed_bytes(std::min(meta.chunk_elements, meta.stored_elements), meta.element_bits);
    if (!chunk_size || *chunk_size > limits_.chunk_bytes) return false;
    if (!packed_bytes(meta.stored_elements, meta.element_bits)) return false;
    // Recovery visits every chunk, so a tensor may not have more chunks than the archive has room
    // for records.
    const std::uint64_t chunk_count = divide_up(meta.stored_elements, meta.chunk_elements);
    if (chunk_count > source_.size().value_or(0) / container::kLeastRecord) return false;
    if (!fields->placed || meta.is_operand() || placer_.is_waiting()) check_run();
    placer_.tensor({std::move(*fields), payload_of(record), record.head.offset, *size});
    return true;
  }

  // Takes a tensor from the placer.
  void take_placed(SeenTensor seen) {
    if (!seen.has_number || !seen.has_place) {
      unplaced_.push_back(std::move(seen));
      return;
    }
    if (fits_limits(seen)) add(std::move(seen));
  }

  bool fits_limits(const SeenTensor& seen) const {
    const auto end = checked_add(seen.record.tensor.offset, seen.byte_size);
    return end && *end <= limits_.unpacked_bytes;
  }

  void add(SeenTensor seen) {
    const std::uint32_t number = seen.record.tensor.number;
    FoundTensor tensor;
    tensor.offset = seen.offset;
    tensor.byte_size = seen.byte_size;
    tensor.meta = std::move(seen.record.tensor);
    tensor.chunk_count = divide_up(tensor.meta.stored_elements, tensor.meta.chunk_elements);
    if (!found_.tensors.emplace(number, std::move(tensor)).second || !seen.record.chunk) return;
    catalog::Chunk chunk;
    chunk.meta = *std::move(seen.record.chunk);
    chunk.meta.tensor = number;
    chunk.payload = seen.payload;
    chunks_.try_emplace({number, 0}, std::move(chunk));
  }

  // Gives the tensors of which nobody knows the number one that is made up, and those of which
  // nobody knows the place one in the unknown file.
  void take_unplaced() {
    using Place = std::pair<std::uint32_t, std::uint64_t>;
    std::set<std::uint64_t> taken;  // offsets of records
    std::set<Place> places;
    const auto place_of = [](const catalog::TensorMeta& meta) {
      return Place(meta.file, meta.offset);
    };
    for (const auto& [number, tensor] : found_.tensors) {
      taken.insert(tensor.offset);
      if (tensor.byte_size != 0) places.insert(place_of(tensor.meta));
    }
    std::uint32_t next = kMadeUpTensors;
    std::uint64_t offset = 0;
    for (SeenTensor& seen : unplaced_) {
      if (!taken.insert(seen.offset).second) continue;
      catalog::TensorMeta& meta = seen.record.tensor;
      if (!seen.has_number) meta.number = next++;
      // Of a record that is there twice, one may know its number, and the other only its place.
      const bool fits = seen.has_place && fits_limits(seen) &&
                        (seen.byte_size == 0 || places.insert(place_of(meta)).second);
      if (!meta.is_operand() && !fits) {
        if (seen.byte_size > limits_.unpacked_bytes - offset) continue;
        meta.file = kUnknownFile;
        meta.offset = offset;
        offset += seen.byte_size;
      }
      add(std::move(seen));
    }
  }

  void take_chunk(const RecordView& record) {
    const auto meta = catalog::decode_chunk(record, found_.digest_kind);
    if (!meta.ok()) return;
    if (placer_.is_waiting()) check_run();
    placer_.chunk(*meta);
    catalog::Chunk chunk;
    chunk.meta = *meta;
    chunk.payload = payload_of(record);
    chunks_.try_emplace({meta->tensor, meta->number}, std::move(chunk));
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
    const catalog::Payload payload = chunk.payload;
    chunk = catalog::chunk_of(tensor.meta, std::move(chunk.meta));
    chunk.payload = payload;
    if (payload.length <= chunk.decoded_bytes) tensor.chunks.emplace(chunk.meta.number, chunk);
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
      const bool counted =
          next->second == 0 || (next->second < kMadeUpTensors && before != found_.tensors.end() &&
                                before->second.offset < group.offset);
      const bool adjacent = next->first == group.payload.offset + group.payload.length;
      if (counted || adjacent) group.first_tensor = next->second;
    }
  }

  void take_index(std::uint64_t offset, std::uint64_t id) {
    std::uint64_t end = 0;
    const auto index = read_listed(source_, offset, id, limits_, listed_left_, end);
    if (!index) return;
    const auto places = places_.of_listed(*index, limits_, offset, end);
    if (!places) return;
    std::size_t at = 0;
    placer_.begin();
    const Status listed =
        container::for_each_record(*index, limits_, [&](const RecordView& record) {
          RecordView moved = record;
          moved.head.offset = (*places)[at++];
          take(moved);
          return Status();
        });
    placer_.gap();
    found_.had_index = found_.had_index || listed.ok();
  }

  // The bytes of a payload that are held at a time.
  static constexpr std::uint64_t kPart = std::uint64_t{1} << 20;
  // The most indexes that list a record. Each of its entries is shorter than the record.
  static constexpr std::uint64_t kIndexes = 2;

  io::Source& source_;
  const Limits& limits_;
  std::optional<std::uint64_t> first_;  // offset of the first record, if it is known
  // The bytes that the lists of further indexes may have: many that list the same lost records would
  // take a time that grows with the square of the archive.
  std::uint64_t listed_left_;
  Survey found_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, catalog::Chunk> chunks_;
  std::map<std::pair<std::uint32_t, std::string>, FoundFile::Value> metadata_;  // by file and key
  std::vector<std::uint64_t> indexes_;                                          // offsets
  FoundPlaces places_;
  std::vector<std::byte> entry_;  // of one record
  std::uint64_t run_end_ = 0;     // of the last record that was found
  // The record that ends where the current one begins, if its payload was not checked.
  std::optional<container::RecordHead> before_;
  Placer placer_;
  std::vector<SeenTensor> unplaced_;  // whose number or place is not known
};

// Reads the file header. Errors: those of the source and of decode_file_header().
Result<container::FileHeader> read_header(io::Source& source) {
  std::vector<std::byte> start(container::kFileHeaderSize);
  BBZ_ASSIGN(const std::size_t got, io::read_up_to(source, 0, start));
  return container::decode_file_header(Bytes(start).first(got));
}

// Finds the digest kind of an archive without its file header by the length of the first meta that
// describes a chunk.
Result<DigestKind> find_digest_kind(io::Source& source, std::uint64_t id, const Limits& limits) {
  std::optional<DigestKind> kind;
  const Status scanned = container::scan_records(
      source, id, limits,
      [&](const RecordView& record) -> Status {
        if (!record.head.has_chunk()) return {};
        const bool plain = record.head.type == RecordType::kChunk
                               ? catalog::decode_chunk(record, DigestKind::kXxh3_128).ok()
                               : catalog::decode_tensor(record, DigestKind::kXxh3_128, limits).ok();
        kind = plain ? DigestKind::kXxh3_128 : DigestKind::kSha256;
        return error_with_message(Code::kCancelled, "found");  // ends the scan
      },
      [](const container::Gap&) {});
  if (!scanned.ok() && scanned.code() != Code::kCancelled) return scanned.error();
  return kind.value_or(DigestKind::kXxh3_128);
}

}  // namespace

Result<Survey> survey(io::Source& source, const Limits& limits, std::optional<std::uint64_t> id) {
  if (!id) {
    BBZ_ASSIGN(id, container::find_id(source));
  }
  const auto header = read_header(source);
  if (!id) {
    const std::string why = header.ok() ? "" : " (" + header.error().message + ")";
    return make_error(Code::kNotAnArchive,
                      "{}: no file header, index or trailer of a bbz archive found{}",
                      source.name(), why);
  }
  DigestKind kind{};
  std::optional<std::uint64_t> first;
  if (header.ok() && header->id == *id) {
    kind = header->digest_kind;
    first = container::kFileHeaderSize;
  } else {
    BBZ_ASSIGN(kind, find_digest_kind(source, *id, limits));
  }
  Surveyor surveyor(source, limits, kind, first);
  BBZ_TRY(container::scan_records(
      source, *id, limits,
      [&](const RecordView& record) {
        surveyor.find(record);
        return Status();
      },
      [&](const container::Gap& gap) { surveyor.lost(gap); }));
  surveyor.take_indexes(*id);
  return surveyor.finish();
}

}  // namespace bbz::salvage
