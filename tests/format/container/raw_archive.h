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
  Fields& var(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) u8(value % 0x80 + 0x80);
    return u8(value);
  }
  // A u32 that may be none.
  Fields& opt(std::uint32_t value) { return var(value == kNone ? 0 : std::uint64_t{value} + 1); }
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
  std::optional<std::uint64_t> sealed_for{};  // the offset under the head checksum
  std::optional<std::uint64_t> says_payload_length{};
  std::optional<std::uint64_t> says_payload_checksum{};

  bool has_payload() const { return (flags & 2) != 0; }
  std::uint64_t payload_checksum() const {
    if (!has_payload()) return 0;
    return says_payload_checksum.value_or(xxh3_64(payload));
  }
  // As the index lists it: head and meta without sync bytes and checksum.
  Buffer entry() const {
    Fields f;
    f.u8(type).u8(flags).u16(meta.size());
    if (has_payload()) {
      f.u64(says_payload_length.value_or(payload.size())).u64(payload_checksum());
    }
    return f.bytes(meta);
  }
  Buffer head_and_meta(std::uint64_t offset) const {
    const Buffer listed = entry();
    const Buffer hashed = Fields().u64(sealed_for.value_or(offset)).bytes(listed);
    return Fields().u32(sync).u64(xxh3_64(hashed)).bytes(listed);
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

struct IndexFields {
  std::uint64_t record_count = 0;
  std::uint64_t list_length = 0;
  std::uint64_t list_checksum = 0;
  std::uint64_t tail_length = 0;
  std::uint8_t place = 0;
  std::uint8_t coding = 0;
  std::uint8_t reserved = 0;

  Buffer encode() const {
    Fields f;
    f.u64(record_count).u64(list_length).u64(list_checksum).u64(tail_length).u8(place).u8(coding);
    return f.u8(reserved).zeros(5);
  }
};

// The root digest by the formula of format-spec/records.md.
inline Buffer root_digest(const std::vector<Record>& records, DigestKind kind) {
  Buffer hashed;
  for (const Record& record : records) {
    if (record.type < 1 || record.type > 6) continue;
    Buffer meta = record.meta;
    const bool chunk = record.type == 4;
    if (chunk && meta.size() >= 2) meta[0] = meta[1] = std::byte{0};
    Fields f;
    f.u8(record.type).u16(meta.size()).bytes(meta).u64(chunk ? 0 : record.payload_checksum());
    append(hashed, f.get());
  }
  const Digest digest = digest_of(kind, hashed);
  return {digest.bytes.begin(), digest.bytes.end()};
}

// A zstd frame of `plain` put together by hand (RFC 8878): one segment, content size of four bytes,
// blocks that repeat a byte for runs of at least `least_run`, and blocks of bytes as they are.
inline Buffer zstd_frame(const Buffer& plain, std::size_t least_run = 16) {
  Fields frame;
  frame.u32(0xFD2FB528).u8(0xA0).u32(plain.size());
  const auto block = [&](Bytes bytes, unsigned type, std::size_t at) {
    const bool last = at == plain.size();
    const std::size_t header = bytes.size() << 3 | type << 1 | (last ? 1 : 0);
    frame.u8(header).u16(header >> 8).bytes(type == 1 ? bytes.first(1) : bytes);
  };
  std::size_t begin = 0;  // of the bytes that no block holds yet
  for (std::size_t at = 0; at < plain.size();) {
    std::size_t end = at + 1;
    while (end < plain.size() && plain[end] == plain[at]) ++end;
    if (end - at >= least_run) {
      if (at > begin) block(Bytes(plain).subspan(begin, at - begin), 0, at);
      block(Bytes(plain).subspan(at, end - at), 1, end);
      begin = end;
    }
    at = end;
  }
  if (begin < plain.size() || plain.empty()) block(Bytes(plain).subspan(begin), 0, plain.size());
  return frame;
}

// An archive of these records. The hooks change what was computed, before it is under a checksum.
struct Archive {
  FileHeaderFields header;
  std::vector<Record> records;
  std::function<void(Buffer&)> edit_list;  // of both indexes
  std::function<void(Buffer&)> edit_front_list;
  std::function<void(IndexFields&)> edit_front_fields;
  std::function<void(Record&)> edit_front;
  std::function<Buffer(const Buffer&)> zstd_list;  // makes one frame of the list at the end
  std::function<void(IndexFields&)> edit_index_fields;
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
    std::size_t room = 72;
    for (const Record& r : records) room += r.entry().size();
    if (front()) out.resize(out.size() + room);
    Buffer list;
    for (const Record& r : records) {
      append(list, r.entry());
      append(out, r.head_and_meta(out.size()));
      append(out, r.payload);
    }
    if (edit_list) edit_list(list);
    const Record index = end_index(list);
    if (front()) {
      Buffer bytes;
      const Record first = front_index(list, 72 + index.payload.size() + 80);
      append(bytes, first.head_and_meta(32));
      append(bytes, first.payload);
      bytes.resize(room);  // a hook must not change its length
      std::ranges::copy(bytes, out.begin() + 32);
    }
    TrailerFields trailer;
    trailer.index_offset = out.size();
    append(out, index.head_and_meta(out.size()));
    append(out, index.payload);
    trailer.index_length = out.size() - trailer.index_offset;
    trailer.record_count = records.size();
    trailer.archive_length = out.size() + 80;
    trailer.root = root_digest(records, kind());
    if (edit_trailer) edit_trailer(trailer);
    Record last{8, 0, trailer.encode(), {}};
    if (edit_trailer_record) edit_trailer_record(last);
    append(out, last.head_and_meta(out.size()));
    append(out, last.payload);
    append(out, tail);
    return out;
  }

 private:
  IndexFields fields_of(const Buffer& list) const {
    return {records.size(), list.size(), xxh3_64(list)};
  }
  Record end_index(const Buffer& list) const {
    IndexFields fields = fields_of(list);
    Record index{7, 2, {}, list};
    if (zstd_list) {
      index.payload = zstd_list(list);
      fields.coding = 1;
    }
    fields.tail_length = 72 + index.payload.size() + 80;
    if (edit_index_fields) edit_index_fields(fields);
    index.meta = fields.encode();
    if (edit_index) edit_index(index);
    return index;
  }
  Record front_index(Buffer list, std::uint64_t tail_length) const {
    if (edit_front_list) edit_front_list(list);
    IndexFields fields = fields_of(list);
    fields.tail_length = tail_length;
    fields.place = 1;
    if (edit_front_fields) edit_front_fields(fields);
    Record index{7, 2, fields.encode(), list};
    if (edit_front) edit_front(index);
    return index;
  }
};

// Bytes of the head and the meta of the record at `offset`, from what its head says.
inline std::size_t head_and_meta_size(Bytes archive, std::uint64_t offset) {
  const bool payload = (archive[offset + 13] & std::byte{2}) != std::byte{0};
  return (payload ? 32 : 16) + load_le<std::uint16_t>(archive.data() + offset + 14);
}

// Where each record begins whose head is whole and belongs there, the indexes and the trailer among
// them.
inline std::vector<std::uint64_t> record_offsets(Bytes archive) {
  std::vector<std::uint64_t> offsets;
  for (std::size_t at = 32; at + 16 <= archive.size(); ++at) {
    if (load_le<std::uint32_t>(archive.data() + at) != 0x1E7A62C7) continue;
    const std::size_t size = head_and_meta_size(archive, at);
    if (archive.size() - at < size) continue;
    const Buffer hashed = Fields().u64(at).bytes(archive.subspan(at + 12, size - 12));
    if (load_le<std::uint64_t>(archive.data() + at + 4) == xxh3_64(hashed)) offsets.push_back(at);
  }
  return offsets;
}

// The records of the specification, from the numbers in their metas.

inline Record file(std::uint32_t number, std::string_view path, std::uint8_t kind = 0) {
  return {1, 0, Fields().var(number).u8(kind).var(path.size()).text(path), {}};
}

inline Record file_end(std::uint32_t number, std::uint32_t tensors, std::uint64_t size,
                       Bytes digest = {}) {
  return {2, 0, Fields().var(number).var(tensors).var(size).u8(digest.size()).bytes(digest), {}};
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
  f.var(t.number).opt(t.file).var(t.offset).u8(t.kind).u8(t.dtype).u8(t.bits).u8(t.form);
  f.opt(t.layer).opt(t.group).var(t.stored).var(t.chunk).var(t.shape.size());
  for (const std::uint64_t extent : t.shape) f.var(extent);
  return {3, 0, f.var(t.name.size()).text(t.name), {}};
}

struct ChunkFields {
  std::uint32_t tensor = 0;
  std::uint32_t number = 0;
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  std::uint16_t codec = 0;
};

// A chunk of these decoded bytes, stored as `payload`. With `digest` its meta ends in their
// SHA-256.
inline Record chunk(const ChunkFields& c, Bytes decoded, Bytes payload, bool digest = false) {
  Fields f;
  f.u16(c.codec).u64(xxh3_64(decoded)).var(c.tensor).var(c.number).var(c.first).var(c.count);
  if (digest) f.bytes(sha256(decoded));
  return {4, 2, f, Buffer(payload.begin(), payload.end())};
}
inline Record raw_chunk(const ChunkFields& c, Bytes decoded, bool digest = false) {
  return chunk(c, decoded, decoded, digest);
}

inline Record metadata(std::uint32_t file, std::string_view key, std::string_view value,
                       bool digest = false) {
  Fields f;
  f.opt(file).var(key.size()).text(key);
  if (digest) f.bytes(sha256(text(value)));
  return {5, 3, f, text(value)};
}

inline Record group(std::uint32_t number, std::uint8_t method, Bytes payload, bool digest = false) {
  Fields f;
  f.var(number).u8(method);
  if (digest) f.bytes(sha256(payload));
  return {6, 2, f, Buffer(payload.begin(), payload.end())};
}

// Two files and a directory, a group, an operand, metadata, an unknown skippable record: every kind
// of record, with several chunks, an empty tensor and tensors stored out of order.
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
      Record{200, 3, text("later"), text("version")},
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
