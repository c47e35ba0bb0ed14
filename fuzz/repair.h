// What fuzz targets that take whole archives share: checksums made right, so that the code behind
// them is reached.
#pragma once

#include <algorithm>
#include <array>
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

// Writes the checksum of a record's head and meta.
inline void repair_head(MutableBytes head_and_meta, std::uint64_t offset) {
  std::array<std::byte, 8> place{};
  store_le(place.data(), offset);
  Xxh3Stream hash;
  hash.update(place);
  hash.update(head_and_meta.subspan(kSealSize));
  store_le(head_and_meta.data() + kSync.size(), hash.digest64());
}

// Makes the index at `offset`, of which `bytes` is head, meta and payload, list what was seen: as
// far as its payload has room for it, stored or coded.
inline void repair_index(MutableBytes bytes, std::size_t meta_length, Bytes list,
                         std::uint64_t count) {
  if (meta_length != kIndexMetaSize) return;
  const MutableBytes meta = bytes.subspan(kHeadSize + kPayloadFields, meta_length);
  const MutableBytes payload = bytes.subspan(kIndexHeadAndMeta);
  store_le(meta.data(), count);
  store_le(meta.data() + 24, std::uint64_t{bytes.size() + kTrailerSize});
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
  Buffer list;
  std::uint64_t count = 0;
  std::uint64_t index_offset = 0;
  for (std::uint64_t at = kFileHeaderSize; bytes.size() - at >= kHeadSize;) {
    const MutableBytes rest = all.subspan(at);
    std::ranges::copy(std::as_bytes(std::span(kSync)), rest.begin());
    const std::size_t size = *peek_size(rest.first(kHeadSize), at);
    if (rest.size() < size) return;
    const MutableBytes head = rest.first(size);
    const auto type = static_cast<RecordType>(head[12]);
    const bool has_payload = (std::to_integer<unsigned>(head[13]) & kFlagPayload) != 0;
    const auto meta_length = load_le<std::uint16_t>(head.data() + 14);
    const std::uint64_t payload_length =
        has_payload ? load_le<std::uint64_t>(head.data() + kHeadSize) : 0;
    if (rest.size() - size < payload_length) return;
    const MutableBytes meta = head.subspan(size - meta_length);
    const MutableBytes payload = rest.subspan(size, payload_length);
    const bool last = at != kFileHeaderSize || (std::to_integer<int>(bytes[12]) & 1) == 0;
    if ((mode & 8) != 0 && type == RecordType::kIndex && has_payload && last) {
      index_offset = at;
      repair_index(rest.first(size + payload_length), meta_length, list, count);
    }
    if ((mode & 8) != 0 && type == RecordType::kTrailer && meta_length >= 32) {
      store_le(meta.data(), index_offset);
      store_le(meta.data() + 8, at - index_offset);
      store_le(meta.data() + 16, count);
      store_le(meta.data() + 24, at + size);
    }
    if ((mode & 4) != 0 && has_payload) {
      store_le(head.data() + kHeadSize + 8, xxh3_64(payload));
    }
    repair_head(head, at);
    if (type != RecordType::kIndex && type != RecordType::kTrailer) {
      const auto entry = head.subspan(kSealSize);
      list.insert(list.end(), entry.begin(), entry.end());
      ++count;
    }
    at += size + payload_length;
  }
}

}  // namespace bbz::fuzz
