// Archives put together by hand, field by field from format-spec/, so that any rule can be broken
// while every checksum still holds. Knows nothing of the library's own encoders.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "bbz/base/hash.h"
#include "bbz/base/wire.h"

namespace bbz::raw {

using Buffer = std::vector<std::byte>;

inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

// Little-endian fields one after the other.
class Fields {
 public:
  Fields& u8(std::uint64_t value) { return put(static_cast<std::uint8_t>(value)); }
  Fields& u16(std::uint64_t value) { return put(static_cast<std::uint16_t>(value)); }
  Fields& u32(std::uint64_t value) { return put(static_cast<std::uint32_t>(value)); }
  Fields& u64(std::uint64_t value) { return put(value); }
  Fields& bytes(Bytes value) { return WireWriter(out_).put_bytes(value), *this; }
  Fields& text(std::string_view value) { return WireWriter(out_).put_bytes(value), *this; }
  Fields& zeros(std::size_t count) { return out_.resize(out_.size() + count), *this; }
  const Buffer& get() const { return out_; }
  operator Buffer() const { return out_; }  // NOLINT: implicit

 private:
  // Not inlined: GCC 12 sees an overflow in an inlined vector::insert where there is none.
  template <class T>
  [[gnu::noinline]] Fields& put(T value) {
    WireWriter(out_).put(value);
    return *this;
  }
  Buffer out_;
};

inline Buffer text(std::string_view value) {
  return Fields().text(value);
}
inline Buffer sha256(Bytes bytes) {
  const Digest digest = digest_of(DigestKind::kSha256, bytes);
  return {digest.view().begin(), digest.view().end()};
}
inline void append(Buffer& out, Bytes bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

struct Record {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  Buffer meta{};
  Buffer payload{};
  // What the head says where it is to differ from the truth.
  std::uint32_t sync = 0x1E7A62C7;
  std::optional<std::uint64_t> says_offset{};
  std::optional<std::uint64_t> says_payload_length{};
  std::optional<std::uint64_t> says_payload_checksum{};

  std::uint64_t payload_checksum() const {
    return says_payload_checksum.value_or(xxh3_64(payload));
  }
  Buffer head_and_meta(std::uint64_t offset) const {
    Fields head;
    head.u32(sync).u8(type).u8(flags).u16(meta.size());
    head.u64(says_payload_length.value_or(payload.size())).u64(says_offset.value_or(offset));
    head.u64(payload_checksum());
    Buffer hashed = head;
    append(hashed, meta);
    return head.u64(xxh3_64(hashed)).bytes(meta);
  }
};

struct FileHeaderFields {
  std::uint64_t magic = 0x0A1A0A0D5A424289;
  std::uint16_t major = 1;
  std::uint16_t minor = 0;
  std::uint32_t required = 0;
  std::uint32_t optional = 0;
  std::uint8_t digest_kind = 1;
  std::uint32_t reserved = 0;  // 24 bits

  Buffer encode() const {
    Fields f;
    f.u64(magic).u16(major).u16(minor).u32(required).u32(optional).u8(digest_kind);
    f.u8(reserved).u16(reserved >> 8);
    return f.u64(xxh3_64(f.get()));
  }
};

struct TrailerFields {
  std::uint64_t index_offset = 0;
  std::uint64_t index_length = 0;
  std::uint64_t record_count = 0;
  std::uint64_t archive_length = 0;
  Buffer root;  // 32 bytes

  Buffer encode() const {
    Fields f;
    f.u64(index_offset).u64(index_length).u64(record_count).u64(archive_length);
    return f.bytes(root);
  }
};

inline Buffer index_meta(std::uint64_t count, std::uint8_t place) {
  return Fields().u64(count).u8(place).zeros(7);
}

// The root digest by the formula of format-spec/records.md.
inline Buffer root_digest(const std::vector<Record>& records, DigestKind kind) {
  Buffer hashed;
  for (const Record& record : records) {
    if (record.type < 1 || record.type > 6) continue;
    Buffer meta = record.meta;
    const bool chunk = record.type == 4;
    if (chunk && meta.size() >= 22) meta[20] = meta[21] = std::byte{0};
    Fields f;
    f.u8(record.type).u16(meta.size()).bytes(meta).u64(chunk ? 0 : record.payload_checksum());
    append(hashed, f.get());
  }
  const Digest digest = digest_of(kind, hashed);
  return {digest.bytes.begin(), digest.bytes.end()};
}

// An archive of these records. The hooks change what was computed, before it is under a checksum.
struct Archive {
  FileHeaderFields header;
  std::vector<Record> records;
  std::function<void(Buffer&)> edit_listing;  // the payload of both indexes
  std::function<void(Record&)> edit_front;
  std::function<void(Record&)> edit_index;
  std::function<void(TrailerFields&)> edit_trailer;
  std::function<void(Record&)> edit_trailer_record;
  Buffer tail;  // what follows the trailer

  DigestKind kind() const {
    return header.digest_kind == 2 ? DigestKind::kSha256 : DigestKind::kXxh3_128;
  }
  bool front() const { return (header.required & 1) != 0; }

  Buffer bytes() const {
    Buffer out = header.encode();
    std::size_t listing_size = 0;
    for (const Record& r : records) listing_size += r.head_and_meta(0).size();
    if (front()) out.resize(out.size() + 56 + listing_size);
    Buffer listing;
    for (const Record& r : records) {
      const Buffer head = r.head_and_meta(out.size());
      append(listing, head);
      append(out, head);
      append(out, r.payload);
    }
    if (edit_listing) edit_listing(listing);
    if (front()) {
      Record first{7, 0, index_meta(records.size(), 1), listing};
      if (edit_front) edit_front(first);
      Buffer bytes = first.head_and_meta(32);
      append(bytes, first.payload);
      bytes.resize(56 + listing_size);  // a hook must not change its length
      std::ranges::copy(bytes, out.begin() + 32);
    }
    TrailerFields trailer;
    trailer.index_offset = out.size();
    Record index{7, 0, index_meta(records.size(), 0), listing};
    if (edit_index) edit_index(index);
    append(out, index.head_and_meta(out.size()));
    append(out, index.payload);
    trailer.index_length = out.size() - trailer.index_offset;
    trailer.record_count = records.size();
    trailer.archive_length = out.size() + 104;
    trailer.root = root_digest(records, kind());
    if (edit_trailer) edit_trailer(trailer);
    Record last{8, 0, trailer.encode(), {}};
    if (edit_trailer_record) edit_trailer_record(last);
    append(out, last.head_and_meta(out.size()));
    append(out, last.payload);
    append(out, tail);
    return out;
  }
};

// Where each record begins that has whole sync bytes and its own offset, the indexes and the
// trailer among them.
inline std::vector<std::uint64_t> record_offsets(Bytes archive) {
  std::vector<std::uint64_t> offsets;
  for (std::size_t at = 32; at + 40 <= archive.size(); ++at) {
    if (load_le<std::uint32_t>(archive.data() + at) == 0x1E7A62C7 &&
        load_le<std::uint64_t>(archive.data() + at + 16) == at) {
      offsets.push_back(at);
    }
  }
  return offsets;
}

// The records of the specification, from the numbers in their metas.

inline Record file(std::uint32_t number, std::string_view path, std::uint8_t kind = 0,
                   std::uint8_t reserved = 0) {
  return {1, 0, Fields().u32(number).u8(kind).u8(reserved).u16(path.size()).text(path), {}};
}

inline Record file_end(std::uint32_t number, std::uint32_t tensors, std::uint64_t size,
                       Bytes digest = {}) {
  return {2, 0, Fields().u32(number).u32(tensors).u64(size).u8(digest.size()).bytes(digest), {}};
}

struct TensorFields {
  std::uint32_t number = 0;
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  std::uint8_t kind = 1;
  std::uint8_t dtype = 2;  // U8
  std::uint8_t bits = 8;
  std::uint8_t form = 0;
  std::uint32_t layer = kNone;
  std::uint32_t group = kNone;
  std::uint64_t stored = 0;
  std::uint64_t chunk = 1;
  std::vector<std::uint64_t> shape{};
  std::string_view name{};
};

inline Record tensor(const TensorFields& t) {
  Fields f;
  f.u32(t.number).u32(t.file).u64(t.offset).u8(t.kind).u8(t.dtype).u8(t.bits).u8(t.form);
  f.u32(t.layer).u32(t.group).u64(t.stored).u64(t.chunk).u16(t.shape.size()).u16(t.name.size());
  for (const std::uint64_t extent : t.shape) f.u64(extent);
  return {3, 0, f.text(t.name), {}};
}

struct ChunkFields {
  std::uint32_t tensor = 0;
  std::uint32_t number = 0;
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  std::uint16_t codec = 0;
  std::uint16_t reserved = 0;
};

// A chunk of these decoded bytes, stored as `payload`. With `digest` its meta ends in their
// SHA-256.
inline Record chunk(const ChunkFields& c, Bytes decoded, Bytes payload, bool digest = false) {
  Fields f;
  f.u32(c.tensor).u32(c.number).u64(c.first).u32(c.count).u16(c.codec).u16(c.reserved);
  f.u64(xxh3_64(decoded));
  if (digest) f.bytes(sha256(decoded));
  return {4, 0, f, Buffer(payload.begin(), payload.end())};
}
inline Record raw_chunk(const ChunkFields& c, Bytes decoded, bool digest = false) {
  return chunk(c, decoded, decoded, digest);
}

inline Record metadata(std::uint32_t file, std::string_view key, std::string_view value,
                       bool digest = false) {
  Fields f;
  f.u32(file).u16(key.size()).text(key);
  if (digest) f.bytes(sha256(text(value)));
  return {5, 1, f, text(value)};
}

inline Record group(std::uint32_t number, std::uint8_t method, Bytes payload, bool digest = false) {
  Fields f;
  f.u32(number).u8(method).zeros(3);
  if (digest) f.bytes(sha256(payload));
  return {6, 0, f, Buffer(payload.begin(), payload.end())};
}

// Two files and a folder, a group, an operand, metadata, an unknown skippable record: every kind of
// record, with several chunks, an empty tensor and tensors stored out of order.
inline Archive sample(bool front = false, bool sha = false) {
  Archive a;
  a.header.required = front ? 1 : 0;
  a.header.digest_kind = sha ? 2 : 1;
  const Buffer data = text("0123456789abcdef");
  const Bytes d(data);
  a.records = {
      metadata(kNone, "model", "tiny", sha),
      file(0, "a/w.safetensors"),
      metadata(0, "format", "safetensors", sha),
      group(0, 1, d.first(5), sha),
      tensor({.number = 0, .file = kNone, .stored = 2, .chunk = 8, .shape = {2}, .name = "op"}),
      raw_chunk({.tensor = 0, .count = 2}, d.first(2), sha),
      tensor({.number = 1,
              .offset = 4,
              .layer = 0,
              .stored = 10,
              .chunk = 4,
              .shape = {2, 5},
              .name = "w"}),
      raw_chunk({.tensor = 1, .number = 0, .first = 0, .count = 4}, d.subspan(0, 4), sha),
      raw_chunk({.tensor = 1, .number = 1, .first = 4, .count = 4}, d.subspan(4, 4), sha),
      raw_chunk({.tensor = 1, .number = 2, .first = 8, .count = 2}, d.subspan(8, 2), sha),
      Record{200, 1, text("later"), text("version")},
      tensor({.number = 2, .kind = 0, .stored = 4, .chunk = 16, .shape = {4}}),
      raw_chunk({.tensor = 2, .count = 4}, d.first(4), sha),
      tensor({.number = 3, .offset = 14, .dtype = 18, .bits = 32, .shape = {0, 3}, .name = "e"}),
      file_end(0, 3, 14, sha256(text("01230123456789"))),
      file(1, "b", 1),
      file_end(1, 0, 0),
      file(2, "c"),
      file_end(2, 0, 0),
  };
  return a;
}

}  // namespace bbz::raw
