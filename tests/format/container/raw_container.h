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

// Flags of a record.
inline constexpr std::uint8_t kSkippable = 0x10;
inline constexpr std::uint8_t kPayload = 0x20;
inline constexpr std::uint8_t kPadded = 0x40;
inline constexpr std::uint8_t kExtended = 0x80;
// Sizes in bytes.
inline constexpr std::size_t kSeal = 7;
inline constexpr std::size_t kTrailer = 73;

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
  std::uint32_t type = 0;
  std::uint8_t flags = 0;
  Buffer meta{};
  Buffer payload{};
  std::size_t pad = 0;  // bytes, if the record is padded
  // What the record says where it is to differ from the truth.
  std::uint32_t sync = 0x7A62C7;              // 24 bits
  std::optional<std::uint64_t> sealed_for{};  // the id under the head check
  std::optional<std::uint64_t> says_payload_length{};
  std::optional<std::uint64_t> says_pad_length{};
  std::optional<std::uint32_t> says_payload_check{};
  std::optional<Buffer> says_fields{};  // of the entry, before the meta
  std::uint8_t pad_byte = 0;
  // Of the record of a tensor's first chunk, which join() puts into the tensor's record.
  std::optional<std::uint8_t> first_codec{};
  std::size_t extensions_at = 0;  // where the extensions begin in the meta, if there are any

  bool has_payload() const { return (flags & kPayload) != 0; }
  bool is_padded() const { return (flags & kPadded) != 0; }
  bool is_extended() const { return (flags & kExtended) != 0; }
  // The flags that do not follow from the type.
  std::uint8_t more() const { return flags & (kPayload | kExtended); }
  // As the index lists it.
  Buffer entry() const {
    Fields f;
    f.u8(flags | std::min<std::uint32_t>(type, 15));
    if (type >= 15) f.var(type);
    f.var(meta.size());
    if (has_payload()) f.var(says_payload_length.value_or(payload.size()));
    if (is_padded()) f.var(says_pad_length.value_or(pad));
    return (says_fields ? Fields().bytes(*says_fields) : f).bytes(meta);
  }
  std::size_t head_size() const { return kSeal + entry().size() + (has_payload() ? 4 : 0); }
  std::size_t size() const { return head_size() + (is_padded() ? pad : 0) + payload.size(); }
  // The whole record in the archive with this id.
  Buffer bytes(std::uint64_t id) const {
    Fields sealed;
    sealed.bytes(entry());
    if (has_payload()) sealed.u32(says_payload_check.value_or(check32(payload)));
    Fields f;
    f.u16(sync).u8(sync >> 16).u32(check32(sealed.get(), sealed_for.value_or(id)));
    f.bytes(sealed.get());
    if (is_padded()) f.bytes(Buffer(pad, std::byte{pad_byte}));
    return f.bytes(payload);
  }
  // Pads the record so that its payload begins at a multiple of `alignment`, if it lies at `offset`.
  Record& align(std::uint64_t offset, std::uint64_t alignment) {
    flags |= kPadded;
    for (pad = 0; (offset + head_size() + pad) % alignment != 0;) ++pad;
    return *this;
  }
};

struct FileHeaderFields {
  std::uint64_t magic = 0x0A1A0A0D5A424289;
  std::uint8_t major = 1;
  std::uint8_t minor = 0;
  std::uint16_t required = 0;
  std::uint16_t optional = 0;
  std::uint8_t digest_kind = 1;
  std::uint8_t alignment = 0;  // the exponent
  std::uint64_t id = 0x0123456789ABCDEF;

  Buffer encode() const {
    Fields f;
    f.u64(magic).u8(major).u8(minor).u16(required).u16(optional).u8(digest_kind).u8(alignment);
    f.u64(id);
    return f.u64(xxh3_64(f.get()));
  }
};

struct TrailerFields {
  std::uint64_t index_length = 0;
  std::uint64_t record_count = 0;
  std::uint64_t archive_length = 0;
  std::uint64_t id = 0;
  Buffer root;  // 32 bytes

  Buffer encode() const {
    Fields f;
    f.u64(index_length).u64(record_count).u64(archive_length).u64(id);
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
  std::uint64_t id = 0;

  Buffer encode() const {
    Fields f;
    f.u64(record_count).u64(list_length).u64(list_checksum).u64(tail_length).u8(place).u8(coding);
    return f.u8(reserved).zeros(5).u64(id);
  }
};

// The root digest by the formula of format-spec/records.md.
inline Buffer root_digest(const std::vector<Record>& records, DigestKind kind) {
  Buffer hashed;
  for (const Record& record : records) {
    Buffer meta = record.meta;
    if (record.type == 4 && !meta.empty()) meta.erase(meta.begin());
    if (record.type == 3 && !meta.empty()) {
      const auto first = std::to_integer<unsigned>(meta[0]);
      const auto codec = meta.begin() + ((first & 16) != 0 ? 2 : 1);
      if ((first & 7) == 7 && codec < meta.end()) meta.erase(codec);
      meta[0] = static_cast<std::byte>(first & 0xF8);
    }
    Fields f;
    f.var(record.type).u8(record.flags & (kSkippable | kExtended)).var(meta.size()).bytes(meta);
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

  // The length of the list of the records, and where the first one begins.
  std::size_t list_size() const {
    std::size_t size = 0;
    for (const Record& r : records) size += r.entry().size();
    return size;
  }
  std::uint64_t begin() const {
    return 32 + (front() ? Record{7, kPayload, Buffer(48), Buffer(list_size())}.size() : 0);
  }
  // Where the record of this number begins.
  std::uint64_t offset_of(std::size_t number) const {
    std::uint64_t offset = begin();
    for (std::size_t i = 0; i < number; ++i) offset += records[i].size();
    return offset;
  }

  Buffer bytes() const {
    Buffer out = header.encode();
    out.resize(begin());
    Buffer list;
    for (const Record& r : records) {
      append(list, r.entry());
      append(out, r.bytes(header.id));
    }
    if (edit_list) edit_list(list);
    const Record index = end_index(list);
    if (front()) {
      Buffer bytes = front_index(list, index.size() + kTrailer).bytes(header.id);
      bytes.resize(begin() - 32);  // a hook must not change its length
      std::ranges::copy(bytes, out.begin() + 32);
    }
    append(out, index.bytes(header.id));
    TrailerFields trailer;
    trailer.index_length = index.size();
    trailer.record_count = records.size();
    trailer.archive_length = out.size() + kTrailer;
    trailer.id = header.id;
    trailer.root = root_digest(records, kind());
    if (edit_trailer) edit_trailer(trailer);
    Record last{8, 0, trailer.encode(), {}};
    if (edit_trailer_record) edit_trailer_record(last);
    append(out, last.bytes(header.id));
    append(out, tail);
    return out;
  }

 private:
  IndexFields fields_of(const Buffer& list) const {
    IndexFields fields{records.size(), list.size(), xxh3_64(list)};
    fields.id = header.id;
    return fields;
  }
  Record end_index(const Buffer& list) const {
    IndexFields fields = fields_of(list);
    Record index{7, kPayload, Buffer(48), list};
    if (zstd_list) {
      index.payload = zstd_list(list);
      fields.coding = 1;
    }
    fields.tail_length = index.size() + kTrailer;
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
    Record index{7, kPayload, fields.encode(), list};
    if (edit_front) edit_front(index);
    return index;
  }
};

// The fields of the record at `offset`, as its head says them.
struct Head {
  std::uint32_t type = 0;
  std::uint8_t flags = 0;
  std::uint64_t meta = 0, payload = 0, pad = 0;             // lengths
  std::size_t size = 0;                                     // of the head
  std::size_t entry = 0;                                    // of the entry
  std::size_t end() const { return size + pad + payload; }  // from the record's beginning
};
inline std::optional<Head> head_at(Bytes archive, std::uint64_t offset) {
  WireReader r(archive.subspan(offset));
  r.get_bytes(kSeal);
  const std::size_t before = r.remaining();
  Head head;
  const auto first = r.get<std::uint8_t>();
  head.type = first & 15;
  head.flags = first & 0xF0;
  if (head.type == 15) head.type = r.get_varint<std::uint32_t>();
  head.meta = r.get_varint<std::uint64_t>();
  if ((head.flags & kPayload) != 0) head.payload = r.get_varint<std::uint64_t>();
  if ((head.flags & kPadded) != 0) head.pad = r.get_varint<std::uint64_t>();
  r.get_bytes(head.meta);
  head.entry = before - r.remaining();
  head.size = kSeal + head.entry;
  if ((head.flags & kPayload) != 0) {
    r.get_bytes(4);
    head.size += 4;
  }
  if (!r.ok()) return std::nullopt;
  return head;
}

// Bytes of the head of the record at `offset`, the meta included, from what its head says.
inline std::size_t head_and_meta_size(Bytes archive, std::uint64_t offset) {
  return head_at(archive, offset).value().size;
}

// Where each record of the archive with this id begins whose head is whole, the indexes and the
// trailer among them.
inline std::vector<std::uint64_t> record_offsets(Bytes archive, std::uint64_t id) {
  std::vector<std::uint64_t> offsets;
  for (std::size_t at = 0; at + 9 <= archive.size(); ++at) {
    if ((load_le<std::uint32_t>(archive.data() + at) & 0xFFFFFF) != 0x7A62C7) continue;
    const auto head = head_at(archive, at);
    if (!head) continue;
    const Bytes sealed = archive.subspan(at + kSeal, head->size - kSeal);
    if (load_le<std::uint32_t>(archive.data() + at + 3) == check32(sealed, id)) {
      offsets.push_back(at);
    }
  }
  return offsets;
}
// The id in the file header.
inline std::uint64_t id_of(Bytes archive) {
  return load_le<std::uint64_t>(archive.data() + 16);
}
inline std::vector<std::uint64_t> record_offsets(Bytes archive) {
  return record_offsets(archive, id_of(archive));
}

}  // namespace bbz::raw
