// The records of archives that are put together by hand, and a sample of every kind of record.
#pragma once

#include "format/container/raw_container.h"

namespace bbz::raw {

// The records of the specification, from the numbers in their metas.

inline Record file(std::uint32_t number, std::string_view path, std::uint8_t kind = 0) {
  return {1, 0, Fields().var(number).u8(kind).var(path.size()).text(path), {}};
}

inline Record file_end(std::uint32_t number, std::uint32_t tensors, std::uint64_t size,
                       Bytes digest = {}, bool ordered = true) {
  const int flags = (digest.empty() ? 0 : 1) | (ordered ? 2 : 0);
  return {2, 0, Fields().var(number).var(tensors).var(size).u8(flags).bytes(digest), {}};
}

struct TensorFields {
  std::uint32_t number = 0;
  std::uint32_t file = 0;
  std::uint64_t offset = 0;
  std::uint8_t kind = 1;
  std::uint8_t dtype = 2;  // U8
  std::uint32_t bits = 8;
  std::uint32_t block_type = 0;  // if the dtype is 64
  std::uint8_t form = 0;
  std::uint32_t layer = kNone;  // in an extension, if it is stated
  std::uint32_t group = kNone;
  std::uint64_t stored = 0;
  std::uint64_t chunk = 1;
  std::vector<std::uint64_t> shape{};
  std::string_view name{};
  bool placed = true;
  bool moved = false;
  // What the record says where it is to differ from what the fields above need.
  std::optional<std::uint8_t> says_more{};
  std::optional<std::uint8_t> says_rank_bits{};
  Buffer form_fields{};  // those of a form that is no group
};

// Whether the specification lists a dtype.
inline bool is_listed(std::uint8_t dtype) {
  return (dtype >= 1 && dtype <= 9) || (dtype >= 16 && dtype <= 20) ||
         (dtype >= 32 && dtype <= 36) || dtype == 40 || dtype == 41 || dtype == 48;
}

// The bits of the byte *more* that the fields need.
inline std::uint8_t more_of(const TensorFields& t) {
  return static_cast<std::uint8_t>((t.placed ? 1 : 0) | (t.stored > t.chunk ? 2 : 0) |
                                   (t.form != 0 ? 4 : 0) | (t.file == kNone ? 8 : 0) |
                                   (t.kind != 0 && !is_listed(t.dtype) ? 16 : 0) |
                                   (t.moved ? 32 : 0));
}

struct Extension {
  std::uint64_t number = 0;
  bool required = false;
  std::string_view fields = "x";
};

// Appends extensions to a record. `count` is their number if it is to differ from the truth.
inline Record extend(Record record, const std::vector<Extension>& extensions,
                     std::optional<std::uint64_t> count = {}) {
  record.extensions_at = record.meta.size();
  Fields f;
  f.bytes(record.meta).var(count.value_or(extensions.size()));
  for (const Extension& e : extensions) {
    f.var(2 * e.number + (e.required ? 1 : 0)).var(e.fields.size()).text(e.fields);
  }
  record.meta = f;
  record.flags |= kExtended;
  return record;
}

// The fields of form 4.
inline Buffer view_fields(std::uint64_t back, std::uint64_t offset,
                          const std::vector<std::uint64_t>& strides) {
  Fields f;
  f.var(back).var(offset);
  for (const std::uint64_t stride : strides) f.var(stride);
  return f;
}

// A tensor record as far as it does not say anything of a chunk: see join().
inline Record tensor(const TensorFields& t) {
  const std::uint8_t more = t.says_more.value_or(more_of(t));
  const std::size_t rank = t.says_rank_bits.value_or(std::min<std::size_t>(t.shape.size(), 7));
  Fields f;
  f.u8((t.kind == 0 ? 8 : 0) | (more != 0 || t.says_more ? 16 : 0) | rank << 5);
  if (more != 0 || t.says_more) f.u8(more);
  if (t.kind != 0) f.u8(t.dtype);
  if ((more & 16) != 0) {
    t.dtype == 64 ? f.var(t.bits / 8).var(t.block_type) : f.u8(t.bits);
  }
  if ((more & 1) != 0) {
    f.var(t.number);
    if ((more & 8) == 0) f.var(t.file).var(t.offset);
  }
  if ((more & 2) != 0) f.var(t.chunk);
  if ((more & 4) != 0) {
    Fields fields;
    if (t.group != kNone) fields.var(t.group);
    fields.bytes(t.form_fields);
    f.u8(t.form).var(t.stored).var(fields.get().size()).bytes(fields.get());
  }
  if (rank == 7) f.var(t.shape.size());
  for (const std::uint64_t extent : t.shape) f.var(extent);
  if (t.kind != 0) f.var(t.name.size()).text(t.name);
  Record record{3, 0, f, {}};
  if (t.layer == kNone) return record;
  const char layer[] = {static_cast<char>(t.layer), 0};  // below 128
  return extend(record, {{.number = 3, .fields = {layer, 1}}});
}

struct ChunkFields {
  std::uint32_t tensor = 0;
  std::uint32_t number = 0;
  std::uint8_t codec = 0;
};

// A chunk of these decoded bytes, stored as `payload`. With `digest` its meta ends in their
// SHA-256. That of number 0 must be put into the record of its tensor by join().
inline Record chunk(const ChunkFields& c, Bytes decoded, Bytes payload, bool digest = false) {
  Fields f;
  if (c.number != 0) f.u8(c.codec).var(c.tensor).var(c.number);
  f.u64(xxh3_64(decoded));
  if (digest) f.bytes(sha256(decoded));
  Record record{4, kPayload, f, Buffer(payload.begin(), payload.end())};
  if (c.number == 0) record.first_codec = c.codec;
  return record;
}
inline Record raw_chunk(const ChunkFields& c, Bytes decoded, bool digest = false) {
  return chunk(c, decoded, decoded, digest);
}

// Puts each record of a first chunk into that of the tensor before it.
inline std::vector<Record> join(const std::vector<Record>& records) {
  std::vector<Record> joined;
  for (const Record& record : records) {
    if (!record.first_codec || joined.empty() || joined.back().type != 3) {
      joined.push_back(record);
      continue;
    }
    Record both = record;
    const Record& tensor = joined.back();
    both.type = 3;
    both.first_codec.reset();
    both.flags |= tensor.flags;
    both.meta = tensor.meta;
    const auto end = both.is_extended() ? tensor.extensions_at : tensor.meta.size();
    both.meta.insert(both.meta.begin() + static_cast<std::ptrdiff_t>(end), record.meta.begin(),
                     record.meta.end());
    const std::uint8_t codec = *record.first_codec;
    both.meta[0] |= std::byte{std::min<std::uint8_t>(codec, 7)};
    if (codec >= 7) {
      const int at = (both.meta[0] & std::byte{16}) != std::byte{} ? 2 : 1;
      both.meta.insert(both.meta.begin() + at, std::byte{codec});
    }
    joined.back() = std::move(both);
  }
  return joined;
}

// The check that begins the meta of a record with this payload.
inline Buffer check_of(Bytes payload, bool digest) {
  Fields f;
  f.u64(xxh3_64(payload));
  if (digest) f.bytes(sha256(payload));
  return f;
}

inline Record metadata(std::uint32_t file, std::string_view key, std::string_view value,
                       bool digest = false) {
  Fields f;
  f.bytes(check_of(text(value), digest)).opt(file).var(key.size()).text(key);
  return {5, kSkippable | kPayload, f, text(value)};
}

inline Record group(std::uint32_t number, std::uint8_t method, Bytes payload, bool digest = false) {
  Fields f;
  f.bytes(check_of(payload, digest)).var(number).u8(method);
  return {6, kPayload, f, Buffer(payload.begin(), payload.end())};
}

inline Record private_name(std::uint8_t registry, std::uint64_t number, std::string_view name) {
  return {10, kSkippable, Fields().u8(registry).var(number).var(name.size()).text(name), {}};
}

struct BlockField {
  std::string name = "f";
  std::uint8_t dtype = 0;  // bytes
  std::uint64_t count = 1;
  std::optional<std::uint8_t> bits{};  // if the record states them
};

inline Record block_type(std::uint32_t number, std::string_view name, std::uint64_t values,
                         const std::vector<BlockField>& fields) {
  Fields f;
  f.var(number).var(name.size()).text(name).var(values).var(fields.size());
  for (const BlockField& field : fields) {
    f.var(field.name.size()).text(field.name).u8(field.dtype);
    if (field.bits) f.u8(*field.bits);
    f.var(field.count);
  }
  return {11, 0, f, {}};
}

// A base; `root` is its root digest of this kind, if it has one.
inline Record base(std::uint32_t number, std::string_view hint, std::uint8_t kind = 0,
                   Bytes root = {}) {
  Fields f;
  f.var(number).u8(kind).bytes(root).var(hint.size()).text(hint);
  return {12, kSkippable, f, {}};
}

// The fields of the extension of a tensor that leans on one with this digest.
inline std::string leaning(std::uint32_t base, Bytes digest, std::string_view name = {}) {
  const Buffer fields = Fields().var(base).bytes(digest).text(name);
  return {reinterpret_cast<const char*>(fields.data()), fields.size()};
}

// The block type Q4_0 of GGUF: 32 values in 18 bytes.
inline Record q4_0(std::uint32_t number) {
  return block_type(number, "Q4_0", 32, {{"d", 16, 1}, {"qs", 0, 16}});
}

// A skippable record of a type that no version knows.
inline Record unknown(std::uint32_t type, std::string_view meta, std::string_view payload,
                      bool digest = false) {
  const Buffer check = check_of(text(payload), digest);
  return {type, kSkippable | kPayload, Fields().bytes(check).text(meta), text(payload)};
}

// Two files and a directory, a group, an operand, metadata, an unknown skippable record: every kind
// of record, with several chunks, an empty tensor and tensors stored out of order.
inline Archive sample(bool front = false, bool sha = false) {
  Archive a;
  a.header.required = front ? 1 : 0;
  a.header.digest_kind = sha ? 2 : 1;
  const Buffer data = text("0123456789abcdef");
  const Bytes d(data);
  a.records = join({
      metadata(kNone, "model", "tiny", sha),
      file(0, "a/w.safetensors"),
      metadata(0, "format", "safetensors", sha),
      group(0, 1, d.first(5), sha),
      tensor({.number = 0, .file = kNone, .stored = 2, .chunk = 8, .shape = {2}, .name = "op"}),
      raw_chunk({.tensor = 0}, d.first(2), sha),
      tensor({.number = 1,
              .offset = 4,
              .layer = 0,
              .stored = 10,
              .chunk = 4,
              .shape = {2, 5},
              .name = "w",
              .moved = true}),
      raw_chunk({.tensor = 1, .number = 0}, d.subspan(0, 4), sha),
      raw_chunk({.tensor = 1, .number = 1}, d.subspan(4, 4), sha),
      raw_chunk({.tensor = 1, .number = 2}, d.subspan(8, 2), sha),
      unknown(200, "later", "version", sha),
      tensor({.number = 2, .kind = 0, .stored = 4, .chunk = 16, .shape = {4}, .moved = true}),
      raw_chunk({.tensor = 2}, d.first(4), sha),
      tensor({.number = 3,
              .offset = 14,
              .dtype = 18,
              .bits = 32,
              .shape = {0, 3},
              .name = "e",
              .moved = true}),
      file_end(0, 3, 14, {}, false),
      file(1, "b", 1),
      file_end(1, 0, 0),
      file(2, "c"),
      tensor({.kind = 0, .stored = 1, .shape = {1}, .placed = false}),
      raw_chunk({.tensor = 4}, d.first(1), sha),
      tensor({.stored = 1, .shape = {}, .name = "s", .placed = false}),
      raw_chunk({.tensor = 5}, d.subspan(1, 1), sha),
      file_end(2, 2, 2, sha256(text("01"))),
  });
  return a;
}

// Two tensors of blocks of three bytes, one of them in two chunks, and a repeated chunk.
inline Archive blocks_sample() {
  Archive a;
  const Buffer data = text("0123456789abcdef01");
  const Bytes d(data);
  a.records = join({
      block_type(0, "three", 4, {{"scale", 0, 1}, {"codes", 100, 4, 4}}),
      file(0, "b"),
      tensor({.dtype = 64, .bits = 24, .stored = 6, .chunk = 3, .shape = {3, 2}, .name = "w"}),
      raw_chunk({}, d.first(9)),
      raw_chunk({.number = 1}, d.subspan(9)),
      block_type(1, "also three", 1, {{"f", 2, 3}}),
      tensor({.number = 1,
              .offset = 18,
              .dtype = 64,
              .bits = 24,
              .block_type = 1,
              .stored = 3,
              .chunk = 3,
              .shape = {3, 1},
              .name = "v"}),
      raw_chunk({.tensor = 1}, d.first(9)),
      file_end(0, 2, 27),
  });
  return a;
}

}  // namespace bbz::raw
