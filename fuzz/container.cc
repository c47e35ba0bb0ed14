// The bytes as an archive: streaming and seeking must agree on what it is, and salvage must find
// what lies in it. The first byte says which checksums are made right first, so that the code
// behind them is reached: bit 0 the file header's, bit 1 all heads', bit 2 the payloads', bit 3 the
// index and trailer are made to fit the records.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>

#include "bbz/base/hash.h"
#include "bbz/base/wire.h"
#include "bbz/catalog/builder.h"
#include "bbz/container/index.h"
#include "bbz/container/record_reader.h"
#include "bbz/container/scan.h"

namespace {

using namespace bbz;
using namespace bbz::container;
using Buffer = std::vector<std::byte>;

void require(bool condition) {
  if (!condition) std::abort();
}

Limits small_limits() {
  Limits limits;
  limits.files = limits.tensors = limits.chunks = 1000;
  limits.chunk_bytes = limits.group_bytes = limits.index_bytes = 1 << 20;
  return limits;
}

// Writes the checksum of a record's head and meta.
void repair_head(MutableBytes head_and_meta, std::uint64_t offset) {
  std::array<std::byte, 8> place{};
  store_le(place.data(), offset);
  Xxh3Stream hash;
  hash.update(place);
  hash.update(head_and_meta.subspan(kSealSize));
  store_le(head_and_meta.data() + kSync.size(), hash.digest64());
}

// Makes the index at `offset`, of which `bytes` is head, meta and payload, list what was seen: as
// far as its payload has room for it, stored or coded.
void repair_index(MutableBytes bytes, std::size_t meta_length, Bytes list, std::uint64_t count) {
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

// Walks the records as their lengths say and makes right what `mode` asks for.
void repair(Buffer& bytes, unsigned mode) {
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

// What a way of reading made of the archive.
struct Outcome {
  Status status;
  catalog::Catalog catalog;
  Digest root;
};

Status stream(io::Source& source, const Limits& limits, Outcome& out) {
  BBZ_ASSIGN(RecordReader reader, RecordReader::open(source, limits));
  catalog::CatalogBuilder builder(reader.header(), limits);
  Buffer payload;
  while (true) {
    BBZ_ASSIGN(const auto record, reader.next());
    if (!record) break;
    BBZ_TRY(builder.add(*record));
    BBZ_TRY(reader.read_payload(payload));
    require(payload.size() == record->head.payload_length);
  }
  BBZ_TRY(builder.finish());
  out.root = builder.root();
  out.catalog = builder.take();
  return {};
}

Status seek(io::Source& source, const Limits& limits, bool use_front, Outcome& out) {
  BBZ_ASSIGN(const Opened opened, open_by_index(source, limits, use_front));
  catalog::CatalogBuilder builder(opened.header, limits);
  const Status visited = for_each_record(opened.index, limits, [&](const RecordView& record) {
    require(record.head.end() <= *source.size());
    return builder.add(record);
  });
  if (!visited.ok()) return visited.error();
  BBZ_TRY(builder.finish());
  out.root = builder.root();
  out.catalog = builder.take();
  return {};
}

void check_catalog(const catalog::Catalog& catalog, std::uint64_t archive_bytes) {
  std::uint64_t unpacked = 0;
  for (const auto& file : catalog.files) {
    std::uint64_t cursor = 0;
    for (const std::uint32_t number : file.tensors) {
      const auto& tensor = catalog.tensors[number];
      require(tensor.meta.offset == cursor);
      cursor += tensor.byte_size;
    }
    require(cursor == file.size);
    unpacked += file.size;
  }
  require(unpacked == catalog.unpacked_bytes);
  for (const auto& tensor : catalog.tensors) {
    std::uint64_t decoded = 0;
    for (const auto& chunk : catalog.chunks_of(tensor)) {
      decoded += chunk.decoded_bytes;
      require(chunk.payload.length <= chunk.decoded_bytes);
      require(chunk.payload.offset + chunk.payload.length <= archive_bytes);
    }
    require(tensor.meta.form != catalog::kFormDense || decoded == tensor.byte_size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data, size)).subspan(1);
  Buffer bytes(input.begin(), input.end());
  repair(bytes, data[0]);
  const auto source = io::memory_source(Bytes(bytes));
  const Limits limits = small_limits();

  Outcome streamed;
  streamed.status = stream(*source, limits, streamed);
  if (streamed.status.ok()) check_catalog(streamed.catalog, bytes.size());
  for (const bool front : {false, true}) {
    Outcome sought;
    sought.status = seek(*source, limits, front, sought);
    if (sought.status.ok()) check_catalog(sought.catalog, bytes.size());
    // What streams is found by seeking, and is the same.
    if (streamed.status.ok()) {
      require(sought.status.ok() && sought.root == streamed.root);
      require(sought.catalog.chunks.size() == streamed.catalog.chunks.size());
      require(sought.catalog.unpacked_bytes == streamed.catalog.unpacked_bytes);
    }
  }

  // Salvage covers the bytes in order, and misses no record of an archive that streams.
  std::uint64_t cursor = std::min<std::uint64_t>(kFileHeaderSize, bytes.size());
  std::uint64_t lost = 0;
  const Status scanned = scan_records(
      *source, limits,
      [&](const RecordView& record) -> Status {
        require(record.head.offset == cursor);
        cursor = std::min<std::uint64_t>(record.head.end(), bytes.size());
        return {};
      },
      [&](const Gap& gap) {
        require(gap.begin == cursor && gap.end > gap.begin);
        cursor = gap.end;
        lost += gap.end - gap.begin;
      });
  require(scanned.ok() && cursor == bytes.size());
  if (streamed.status.ok()) require(lost == 0);
  return 0;
}
