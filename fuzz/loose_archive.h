// Archives taken apart into their records, and put together again with checksums that fit.
#pragma once

#include "bbz/format/catalog/metas.h"
#include "bbz/format/container/record_writer.h"
#include "repair.h"

namespace bbz::fuzz {

struct LooseRecord {
  RecordType type{};
  Buffer meta;
  Buffer payload;
  std::uint8_t more = 0;  // kFlagExtended, and kFlagPayload of a tensor with a chunk

  bool is_extended() const { return (more & kFlagExtended) != 0; }
};

struct LooseArchive {
  FileHeader header;
  std::vector<LooseRecord> records;
};

// The flags of a head that its type does not demand.
inline std::uint8_t flags_of(const RecordHead& head) {
  const bool tensor = head.type == RecordType::kTensor;
  return head.flags & (tensor ? kFlagExtended | kFlagPayload : kFlagExtended);
}

// The records of an archive, as their lengths say, without those that end it. Checksums are not
// looked at. Nothing if not even the header is one.
inline std::optional<LooseArchive> take_apart(Bytes bytes) {
  if (bytes.size() < kFileHeaderSize) return std::nullopt;
  Buffer front(bytes.begin(), bytes.begin() + kFileHeaderSize);
  store_le(front.data() + 24, xxh3_64(Bytes(front).first(24)));
  const auto header = decode_file_header(front);
  if (!header.ok()) return std::nullopt;
  LooseArchive archive{*header, {}};
  Buffer copy(bytes.begin(), bytes.end());
  for (std::uint64_t at = kFileHeaderSize; bytes.size() - at >= kLeastRecord;) {
    const auto record = raw_record(MutableBytes(copy).subspan(at), at);
    if (!record) break;
    if (!record->is(RecordType::kIndex) && !record->is(RecordType::kTrailer)) {
      const MutableBytes meta = record->meta();
      const MutableBytes payload = record->payload();
      archive.records.push_back({record->head.type,
                                 {meta.begin(), meta.end()},
                                 {payload.begin(), payload.end()},
                                 flags_of(record->head)});
    }
    at += record->bytes.size();
  }
  return archive;
}

// What the root digest covers of a record's meta, behind its length: of one that is not valid, all.
inline Buffer hashed_meta(const RecordView& record, DigestKind kind) {
  const bool has_codec =
      (record.head.type == RecordType::kTensor &&
       catalog::decode_tensor(record, kind, Limits()).ok()) ||
      (record.head.type == RecordType::kChunk && catalog::decode_chunk(record, kind).ok());
  Buffer out;
  if (has_codec) {
    catalog::append_without_codec(record, out);
    return out;
  }
  WireWriter w(out);
  w.put_varint(record.meta.size());
  w.put_bytes(record.meta);
  return out;
}

// The archive of these records, with an index at its end.
inline Buffer put_together(const LooseArchive& archive) {
  Buffer out;
  const auto sink = io::memory_sink(out);
  FileHeader header = archive.header;
  header.required_features = 0;
  RecordWriter writer(*sink, header, header.id);
  if (!writer.begin().ok()) return out;
  Hasher root(header.digest_kind);
  for (const LooseRecord& record : archive.records) {
    const auto head = writer.append(record.type, record.meta, record.payload, record.more);
    if (!head.ok()) return out;
    Buffer hashed;
    WireWriter w(hashed);
    w.put_varint(static_cast<std::uint32_t>(record.type));
    w.put(static_cast<std::uint8_t>(head->flags & (kFlagSkippable | kFlagExtended)));
    w.put_bytes(hashed_meta({*head, record.meta}, header.digest_kind));
    root.update(hashed);
  }
  (void)writer.finish(root.finish());
  return out;
}

}  // namespace bbz::fuzz
