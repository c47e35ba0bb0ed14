// What fuzz targets that take whole archives share: checksums made right, so that the code behind
// them is reached.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "bbz/base/hash.h"
#include "bbz/base/wire.h"
#include "bbz/format/container/index.h"

namespace bbz::fuzz {

using namespace bbz::container;
using Buffer = std::vector<std::byte>;

inline void require(bool condition) {
  if (!condition) std::abort();
}

inline Limits small_limits() {
  Limits limits;
  limits.files = limits.tensors = limits.chunks = 1000;
  limits.chunk_bytes = limits.group_bytes = limits.index_bytes = 1 << 20;
  return limits;
}

// The limits of targets that decode archives, of up to so many bytes unpacked.
inline Limits small_limits(std::uint64_t unpacked_bytes) {
  Limits limits = small_limits();
  limits.chunk_bytes = 1 << 16;
  limits.unpacked_bytes = unpacked_bytes;
  return limits;
}

// A record as its head says it, whatever its check is. `bytes` is all of it.
struct Raw {
  RecordHead head;
  MutableBytes bytes;

  MutableBytes entry() const { return bytes.subspan(kSealSize, head.entry_size()); }
  MutableBytes meta() const { return entry().last(head.meta_length); }
  MutableBytes payload() const { return bytes.last(head.payload_length); }
  bool is(RecordType type) const { return head.type == type; }
};

// Returns the record at the start of `rest`, which lies at `at`, if it is whole. Nothing is checked.
inline std::optional<Raw> raw_record(MutableBytes rest, std::uint64_t at) {
  for (std::size_t need = kLeastRecord; rest.size() >= need;) {
    const auto size = head_size(rest.first(need), at);
    if (!size.ok()) return std::nullopt;
    if (*size > need) {
      need = *size;
      continue;
    }
    const auto entry = decode_entry(rest.subspan(kSealSize), at);
    if (!entry.ok() || entry->head.end() - at > rest.size()) return std::nullopt;
    return Raw{entry->head, rest.first(entry->head.end() - at)};
  }
  return std::nullopt;
}

// Writes the check of a record's head.
inline void repair_head(const Raw& record, std::uint64_t id) {
  const Bytes head = record.bytes.first(record.head.size());
  store_le(record.bytes.data() + kSync.size(), check32(head.subspan(kSealSize), id));
}

// Makes the index list what was seen: as far as its payload has room for it, stored or coded.
inline void repair_index(const Raw& index, Bytes list, std::uint64_t count, std::uint64_t id) {
  const MutableBytes meta = index.meta();
  const MutableBytes payload = index.payload();
  if (meta.size() != kIndexMetaSize) return;
  store_le(meta.data(), count);
  store_le(meta.data() + 24, std::uint64_t{index.bytes.size() + kTrailerSize});
  store_le(meta.data() + 40, id);
  Buffer coded;
  if (payload.size() == list.size()) {
    std::ranges::copy(list, payload.begin());
    meta[33] = std::byte{0};
  } else if (encode_list(list, coded) == IndexCoding::kZstd && coded.size() == payload.size()) {
    std::ranges::copy(coded, payload.begin());
    meta[33] = std::byte{1};
  } else {
    return;  // what it holds stays as it is, with the length and checksum that it claims
  }
  store_le(meta.data() + 8, std::uint64_t{list.size()});
  store_le(meta.data() + 16, xxh3_64(list));
}

// Walks the records as their lengths say and makes right what `mode` asks for: bit 0 the file
// header's checksum, bit 1 all heads', bit 2 the payloads', bit 3 the index and trailer are made to
// fit the records.
inline void repair(Buffer& bytes, unsigned mode) {
  if (bytes.size() < kFileHeaderSize) return;
  if ((mode & 1) != 0) store_le(bytes.data() + 24, xxh3_64(Bytes(bytes).first(24)));
  if ((mode & 2) == 0) return;
  const MutableBytes all(bytes);
  const auto id = load_le<std::uint64_t>(bytes.data() + 16);
  const bool front = (std::to_integer<int>(bytes[10]) & 1) != 0;
  Buffer list;
  std::uint64_t count = 0;
  std::uint64_t index_length = 0;
  for (std::uint64_t at = kFileHeaderSize; bytes.size() - at >= kLeastRecord;) {
    const MutableBytes rest = all.subspan(at);
    std::ranges::copy(std::as_bytes(std::span(kSync)), rest.begin());
    const auto record = raw_record(rest, at);
    if (!record) return;
    const bool last = at != kFileHeaderSize || !front;
    if ((mode & 8) != 0 && record->is(RecordType::kIndex) && record->head.has_payload() && last) {
      index_length = record->bytes.size();
      repair_index(*record, list, count, id);
    }
    if ((mode & 8) != 0 && record->is(RecordType::kTrailer) && record->head.meta_length >= 32) {
      const MutableBytes meta = record->meta();
      store_le(meta.data(), index_length);
      store_le(meta.data() + 8, count);
      store_le(meta.data() + 16, at + record->bytes.size());
      store_le(meta.data() + 24, id);
    }
    if ((mode & 4) != 0 && record->head.has_payload()) {
      store_le(record->bytes.data() + record->head.size() - kCheckSize, check32(record->payload()));
    }
    repair_head(*record, id);
    if (!record->is(RecordType::kIndex) && !record->is(RecordType::kTrailer)) {
      list.insert(list.end(), record->entry().begin(), record->entry().end());
      ++count;
    }
    at += record->bytes.size();
  }
}

}  // namespace bbz::fuzz
