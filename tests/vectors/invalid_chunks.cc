// Chunks in their order, and tensors that cover their file.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

const Buffer kData = raw::text("01234567");
const TensorFields kWhole{.stored = 8, .chunk = 3, .shape = {8}, .name = "t"};

// Chunk `number` of that tensor.
Bytes part(std::uint32_t number) {
  return Bytes(kData).subspan(3 * number, number == 2 ? 2 : 3);
}
Record chunk(std::uint32_t number) {
  return raw::raw_chunk({.number = number}, part(number));
}

std::vector<Record> of(std::vector<Record> list, const TensorFields& tensor = kWhole) {
  list.insert(list.begin(), raw::tensor(tensor));
  return in_file(std::move(list), 1, 8);
}

void order(Collector& c) {
  const auto add = [&](const char* name, const char* rule, const std::vector<Record>& list) {
    c.records(name, rule, of(list), "malformed");
  };
  add("chunk-missing", "a tensor has all its chunks", {chunk(0), chunk(1)});
  add("chunk-order", "chunks stand in order", {chunk(0), chunk(2), chunk(1)});
  add("chunk-twice", "chunks stand once", {chunk(0), chunk(1), chunk(1), chunk(2)});
  add("chunk-too-many", "a tensor has only its chunks",
      {chunk(0), chunk(1), chunk(2), raw::raw_chunk({.number = 3}, part(2))});
  add("chunk-tensor", "chunks follow their tensor",
      {chunk(0), raw::raw_chunk({.tensor = 1, .number = 1}, part(1)), chunk(2)});
  add("record-between-chunks", "chunks follow their tensor directly",
      {chunk(0), raw::metadata(kNone, "k", ""), chunk(1), chunk(2)});
  // As a chunk record, behind codec and tensor.
  Record own = chunk(1);
  own.meta[2] = std::byte{0};
  own.payload = Buffer(part(0).begin(), part(0).end());
  add("chunk-0-in-its-own-record", "the record of a tensor has its first chunk",
      {own, chunk(1), chunk(2)});
  add("chunk-0-in-two-records", "the record of a tensor has its first chunk",
      {chunk(0), own, chunk(1), chunk(2)});
  c.records("chunk-of-one", "a tensor that is not chunked has one chunk",
            in_file({raw::tensor({.stored = 3, .chunk = 3, .shape = {3}, .name = "t"}), chunk(0),
                     chunk(1)},
                    1, 3),
            "malformed");
  c.records("chunk-of-none", "a tensor without stored elements has no chunk",
            in_file({raw::tensor({.shape = {0}, .name = "t"}), chunk(1)}, 1, 0), "malformed");
  c.records("chunk-without-tensor", "chunks follow their tensor", {chunk(1)}, "malformed");
  Record without = chunk(1);
  without.flags = 0;
  without.payload.clear();
  add("chunk-without-payload", "a chunk record has a payload", {chunk(0), without, chunk(2)});

  add("chunk-payload-longer", "a payload is not longer than its chunk",
      {raw::chunk({}, part(0), Bytes(kData).first(4)), chunk(1), chunk(2)});
  add("chunk-payload-longer-last", "a payload is not longer than its chunk",
      {chunk(0), chunk(1), raw::chunk({.number = 2}, part(2), part(0))});
  Record odd = chunk(1);
  odd.meta.push_back(std::byte{0});
  add("chunk-meta-length", "a meta is taken exactly", {chunk(0), odd, chunk(2)});
  odd = chunk(1);
  odd.meta.pop_back();
  add("chunk-meta-cut", "a meta is taken exactly", {chunk(0), odd, chunk(2)});
}

void tiling(Collector& c) {
  const char* rule = "tensors cover their file exactly";
  const auto tiles = [&](const char* name, std::uint64_t offset, std::uint64_t size) {
    TensorFields t = kWhole;
    t.offset = offset;
    t.moved = offset != 0;
    c.records(name, rule, in_file({raw::tensor(t), chunk(0), chunk(1), chunk(2)}, 1, size),
              "malformed");
  };
  tiles("tiling-hole", 1, 9);
  tiles("tiling-short", 0, 9);
  tiles("tiling-long", 0, 7);
  const auto second = [&](const char* name, const char* what, const TensorFields& t) {
    c.records(name, what,
              in_file({raw::tensor(kWhole), chunk(0), chunk(1), chunk(2), raw::tensor(t)}, 2, 8),
              "malformed");
  };
  second("tiling-overlap", rule,
         {.number = 1, .offset = 4, .shape = {0}, .name = "u", .moved = true});
  second("tiling-empty-beyond", "an empty tensor lies at the border of others",
         {.number = 1, .offset = 9, .shape = {0}, .name = "u", .moved = true});
  // The second one lies where the first one ends, whatever room is before it.
  c.records(
      "tiling-implied", "a tensor without a stated place lies where the one before it ends",
      in_file(
          {raw::tensor(
               {.offset = 3, .stored = 3, .chunk = 3, .shape = {3}, .name = "t", .moved = true}),
           chunk(0),
           raw::tensor({.stored = 3, .chunk = 3, .shape = {3}, .name = "u", .placed = false}),
           chunk(0)},
          2, 6),
      "malformed");
}

void payloads(Collector& c) {
  const auto add = [&](const char* name, const char* rule, const std::vector<Record>& list,
                       const char* stream, const char* verify) {
    Archive archive;
    archive.records = of(list);
    c.add_payload(name, rule, archive.bytes(), stream, verify);
  };
  for (const bool later : {false, true}) {
    Record damaged = chunk(later ? 1 : 0);
    damaged.says_payload_check = 1;
    const std::vector<Record> list =
        later ? std::vector{chunk(0), damaged, chunk(2)} : std::vector{damaged, chunk(1), chunk(2)};
    add(later ? "chunk-payload-checksum-later" : "chunk-payload-checksum",
        "a payload is under a checksum", list, "checksum", "checksum");
  }
  const auto first = [&](const char* name, const char* rule, const Record& record,
                         const char* code) {
    add(name, rule, {record, chunk(1), chunk(2)}, "ok", code);
  };
  first("chunk-decoded-checksum", "decoded bytes are under a checksum",
        raw::chunk({}, part(0), part(1)), "checksum");
  add("chunk-decoded-checksum-later", "decoded bytes are under a checksum",
      {chunk(0), raw::chunk({.number = 1}, part(1), part(0)), chunk(2)}, "ok", "checksum");
  first("codec-raw-length", "a raw payload is the chunk", raw::chunk({}, part(0), part(0).first(2)),
        "malformed");
  first("codec-constant-length", "a constant payload is one pattern",
        raw::chunk({.codec = 1}, part(0), part(0).first(2)), "malformed");
  first("codec-zstd-frame", "a zstd payload is one frame",
        raw::chunk({.codec = 2}, part(0), part(0)), "malformed");
  first("codec-split-float-dtype", "split-float is for floating point",
        raw::chunk({.codec = 3}, part(0), part(0).first(2)), "malformed");
  Archive sha;
  sha.header.digest_kind = 2;
  for (const std::uint32_t wrong : {0u, 1u}) {
    std::vector<Record> chunks;
    for (const std::uint32_t number : {0u, 1u, 2u}) {
      chunks.push_back(raw::raw_chunk({.number = number}, part(number), true));
      if (number == wrong) chunks.back().meta.back() ^= std::byte{1};
    }
    sha.records = of(chunks);
    c.add_payload(wrong == 0 ? "chunk-decoded-digest" : "chunk-decoded-digest-later",
                  "decoded bytes have their SHA-256", sha.bytes(), "ok", "checksum");
  }
}

}  // namespace

void add_chunk_vectors(Collector& c) {
  order(c);
  tiling(c);
  payloads(c);
}

}  // namespace bbz::vectors
