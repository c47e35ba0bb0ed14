#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

void files_and_tensors(Collector& c) {
  const auto path = [&](const char* name, const std::string& p, const char* code) {
    c.records(name, "a path is safe", {raw::file(0, p), raw::file_end(0, 0, 0)}, code);
  };
  path("path-empty", "", "unsafe-path");
  path("path-absolute", "/etc/passwd", "unsafe-path");
  path("path-up", "a/../../b", "unsafe-path");
  path("path-dot", "./a", "unsafe-path");
  path("path-empty-component", "a//b", "unsafe-path");
  path("path-backslash", "a\\b", "unsafe-path");
  path("path-control", "a\x1b[2J", "unsafe-path");
  path("path-delete", "a\x7f", "unsafe-path");
  path("path-long-component", std::string(256, 'a'), "unsafe-path");
  path("path-not-utf8", "a\xC0\xAF", "malformed");
  path("path-limit", std::string(4097, 'a'), "limit");
  const auto files = [](std::initializer_list<const char*> paths) {
    std::vector<Record> list;
    std::uint32_t number = 0;
    for (const char* p : paths) {
      list.push_back(raw::file(number, p));
      list.push_back(raw::file_end(number++, 0, 0));
    }
    return list;
  };
  c.records("path-twice", "paths are unique", files({"a", "a"}), "malformed");
  c.records("path-below-file", "no path is a directory above another", files({"a", "a-b", "a/b"}),
            "malformed");
  c.records("path-above-file", "no path is a directory above another", files({"a/b", "a-b", "a"}),
            "malformed");
  c.records("file-number", "files count from 0", {raw::file(1, "a")}, "malformed");
  c.records("file-kind", "the kind is known", {raw::file(0, "a", 2)}, "unsupported");
  const auto meta = [&](const char* name, const char* rule, const Buffer& bytes) {
    c.records(name, rule, {Record{1, 0, bytes, {}}, raw::file_end(0, 0, 0)}, "malformed");
  };
  meta("varint-longer-than-needed", "a varint has no more bytes than it needs",
       raw::Fields().u8(0x80).u8(0).u8(0).u8(1).text("a"));
  meta("varint-over-32-bits", "a number is within 32 bits",
       raw::Fields().var(kMax >> 31).u8(0).u8(1).text("a"));
  meta("varint-over-64-bits", "a varint is within 64 bits",
       raw::Fields().u8(0).u8(0).u64(kMax).u8(0xFF).u8(2).text("a"));
  c.records("file-open", "a file ends before the next", {raw::file(0, "a"), raw::file(1, "b")},
            "malformed");
  c.records("file-not-ended", "every file ends", {raw::file(0, "a")}, "malformed");
  c.records("file-end-without-file", "a file end has its file", {raw::file_end(0, 0, 0)},
            "malformed");
  c.records("file-end-count", "a file end counts the tensors",
            {raw::file(0, "a"), raw::file_end(0, 1, 0)}, "malformed");
  c.records("file-end-digest", "a file's digest has 0 or 32 bytes",
            {raw::file(0, "a"), raw::file_end(0, 0, 0, Buffer(16))}, "malformed");
  c.records("directory-size", "a directory has size 0",
            {raw::file(0, "a", 1), raw::file_end(0, 0, 1)}, "malformed");

  const auto tensor = [&](const char* name, const char* rule, const TensorFields& t,
                          const char* code) {
    c.records(name, rule, in_file({raw::tensor(t)}, 1, 0), code);
  };
  constexpr std::uint64_t k32 = std::uint64_t{1} << 32;
  tensor("tensor-number", "tensors count from 0", {.number = 1, .shape = {0}}, "malformed");
  tensor("tensor-file", "a tensor lies in the open file", {.file = 1, .shape = {0}}, "malformed");
  tensor("tensor-kind", "the kind is known", {.kind = 2, .shape = {0}}, "unsupported");
  tensor("tensor-element-bits", "element bits are those of the dtype", {.bits = 16, .shape = {0}},
         "malformed");
  tensor("tensor-no-bits", "element bits are not 0", {.dtype = 250, .bits = 0, .shape = {0}},
         "malformed");
  tensor("tensor-bytes-named", "bytes have no name", {.kind = 0, .shape = {0}, .name = "n"},
         "malformed");
  tensor("tensor-shape-overflow", "the element count is within 64 bits", {.shape = {k32, k32, 0}},
         "malformed");
  tensor("tensor-size-overflow", "the size is within 64 bits",
         {.stored = kMax, .chunk = 1 << 20, .shape = {kMax}}, "malformed");
  tensor("tensor-end-overflow", "the end is within 64 bits",
         {.offset = kMax, .stored = 1, .chunk = 1, .shape = {1}}, "malformed");
  tensor("tensor-part-bytes", "a tensor fills whole bytes",
         {.dtype = 48, .bits = 4, .stored = 1, .chunk = 2, .shape = {1}}, "malformed");
  tensor("tensor-chunk-part-bytes", "chunks fill whole bytes",
         {.dtype = 48, .bits = 4, .stored = 2, .chunk = 1, .shape = {2}}, "malformed");
  tensor("tensor-chunk-zero", "chunk elements are at least 1", {.chunk = 0, .shape = {0}},
         "malformed");
  tensor("tensor-chunk-limit", "a chunk is within the limit",
         {.stored = k32, .chunk = (64 << 20) + 1, .shape = {k32}}, "limit");
  tensor("tensor-chunks-limit", "the number of chunks is within the limit",
         {.stored = k32, .chunk = 1, .shape = {k32}}, "limit");
  tensor("tensor-unpacked-limit", "the unpacked size is within the limit",
         {.offset = std::uint64_t{1} << 50, .stored = 1, .chunk = 1, .shape = {1}}, "limit");
  tensor("tensor-stored", "a dense tensor stores every element", {.stored = 1, .shape = {2}},
         "malformed");
  tensor("tensor-group-unknown", "a group stands before its tensor",
         {.form = 200, .group = 0, .shape = {0}}, "malformed");
  const std::string long_name(4097, 'n');
  tensor("tensor-name-limit", "a name is within the limit", {.shape = {0}, .name = long_name},
         "limit");
  tensor("tensor-name-not-utf8", "a name is UTF-8", {.shape = {0}, .name = "\xF5"}, "malformed");
  const TensorFields deep{.shape = std::vector<std::uint64_t>(65, 0)};
  tensor("tensor-rank-limit", "the rank is within the limit", deep, "limit");
  c.records("tensor-dense-group", "a dense tensor has no group",
            {raw::file(0, "f"), raw::group(0, 1, {}), raw::tensor({.group = 0, .shape = {0}}),
             raw::file_end(0, 1, 0)},
            "malformed");
  c.records("tensor-in-directory", "a directory has no tensors",
            {raw::file(0, "f", 1), raw::tensor({.shape = {0}}), raw::file_end(0, 1, 0)},
            "malformed");
  c.records("tensor-outside-file", "a tensor lies in the open file", {raw::tensor({.shape = {0}})},
            "malformed");
  c.records("tensor-name-twice", "names are unique in a file",
            in_file({raw::tensor({.shape = {0}, .name = "t"}),
                     raw::tensor({.number = 1, .shape = {0}, .name = "t"})},
                    2, 0),
            "malformed");
  c.records("operand-twice", "names of operands are unique",
            {raw::tensor({.file = kNone, .shape = {0}, .name = "t"}),
             raw::tensor({.number = 1, .file = kNone, .shape = {0}, .name = "t"})},
            "malformed");
  c.records("operand-offset", "an operand has offset 0",
            {raw::tensor({.file = kNone, .offset = 1, .shape = {0}})}, "malformed");
  c.records("operand-bytes", "an operand is of kind tensor",
            {raw::tensor({.file = kNone, .kind = 0, .shape = {0}})}, "malformed");
  c.records("group-number", "groups count from 0", {raw::group(1, 1, {})}, "malformed");
  c.records("group-not-newest", "a tensor refers to the newest group of a method before it",
            in_file({raw::group(0, 9, {}), raw::group(1, 9, {}),
                     raw::tensor({.form = 200, .group = 0, .shape = {0}})},
                    1, 0),
            "malformed");
  c.records("metadata-file", "the file has begun", {raw::metadata(0, "k", "")}, "malformed");
  c.records("metadata-twice", "a key stands once",
            {raw::metadata(kNone, "k", ""), raw::metadata(kNone, "k", "")}, "malformed");
  c.records("metadata-empty-key", "a key has 1 to 255 bytes", {raw::metadata(kNone, "", "")},
            "malformed");
  c.records("metadata-long-key", "a key has 1 to 255 bytes",
            {raw::metadata(kNone, std::string(256, 'k'), "")}, "malformed");
  c.records("metadata-key-not-utf8", "a key is UTF-8", {raw::metadata(kNone, "\xFF", "")},
            "malformed");
}

void chunks(Collector& c) {
  const Buffer data = raw::text("01234567");
  const Bytes d(data);
  const TensorFields whole{.stored = 8, .chunk = 5, .shape = {8}, .name = "t"};
  const auto first = raw::raw_chunk({.count = 5}, d.first(5));
  const auto second = raw::raw_chunk({.number = 1, .first = 5, .count = 3}, d.subspan(5));
  const auto of = [&](std::vector<Record> list) {
    list.insert(list.begin(), raw::tensor(whole));
    return in_file(std::move(list), 1, 8);
  };
  const auto bytes = [&](std::vector<Record> list) {
    Archive archive;
    archive.records = of(std::move(list));
    return archive.bytes();
  };
  const auto add = [&](const char* name, const char* rule, std::vector<Record> list,
                       const char* code = "malformed") {
    c.records(name, rule, of(std::move(list)), code);
  };
  add("chunk-missing", "a tensor has all its chunks", {first});
  add("chunk-order", "chunks stand in order", {second, first});
  add("chunk-twice", "chunks stand once", {first, first, second});
  add("chunk-too-many", "a tensor has only its chunks", {first, second, second});
  add("chunk-tensor", "chunks follow their tensor",
      {raw::raw_chunk({.tensor = 1, .count = 5}, d.first(5)), second});
  add("chunk-count", "a chunk has its elements",
      {raw::raw_chunk({.count = 4}, d.first(4)), second});
  add("chunk-first", "a chunk says where it begins",
      {raw::raw_chunk({.first = 1, .count = 5}, d.first(5)), second});
  add("chunk-payload-longer", "a payload is not longer than its chunk",
      {raw::chunk({.count = 5}, d.first(5), d.first(6)), second});
  add("record-between-chunks", "chunks follow their tensor directly",
      {first, raw::metadata(kNone, "k", ""), second});
  Record odd = first;
  odd.meta.push_back(std::byte{0});
  add("chunk-meta-length", "a meta is taken exactly", {odd, second});
  const auto tiles = [&](const char* name, std::uint64_t offset, std::uint64_t size) {
    TensorFields t = whole;
    t.offset = offset;
    c.records(name, "tensors cover their file exactly",
              in_file({raw::tensor(t), first, second}, 1, size), "malformed");
  };
  tiles("tiling-hole", 1, 9);
  tiles("tiling-short", 0, 9);
  tiles("tiling-long", 0, 7);
  c.records("tiling-overlap", "tensors cover their file exactly",
            in_file({raw::tensor(whole), first, second,
                     raw::tensor({.number = 1, .offset = 4, .shape = {0}, .name = "u"})},
                    2, 8),
            "malformed");

  c.records("tiling-empty-beyond", "an empty tensor lies at the border of others",
            in_file({raw::tensor(whole), first, second,
                     raw::tensor({.number = 1, .offset = 9, .shape = {0}, .name = "u"})},
                    2, 8),
            "malformed");

  Record damaged = first;
  damaged.says_payload_checksum = 1;
  c.add_payload("chunk-payload-checksum", "a payload is under a checksum", bytes({damaged, second}),
                "checksum", "checksum");
  c.add_payload("chunk-decoded-checksum", "decoded bytes are under a checksum",
                bytes({raw::chunk({.count = 5}, d.first(5), d.subspan(1, 5)), second}), "ok",
                "checksum");
  c.add_payload("codec-raw-length", "a raw payload is the chunk",
                bytes({raw::chunk({.count = 5}, d.first(5), d.first(4)), second}), "ok",
                "malformed");
  c.add_payload("codec-constant-length", "a constant payload is one pattern",
                bytes({raw::chunk({.count = 5, .codec = 1}, d.first(5), d.first(2)), second}), "ok",
                "malformed");
  c.add_payload("codec-zstd-frame", "a zstd payload is one frame",
                bytes({raw::chunk({.count = 5, .codec = 2}, d.first(5), d.first(5)), second}), "ok",
                "malformed");
  c.add_payload("codec-split-float-dtype", "split-float is for floating point",
                bytes({raw::chunk({.count = 5, .codec = 3}, d.first(5), d.first(4)), second}), "ok",
                "malformed");
  Archive sha;
  sha.header.digest_kind = 2;
  Record wrong = raw::raw_chunk({.count = 8}, d, true);
  wrong.meta.back() ^= std::byte{1};
  sha.records =
      in_file({raw::tensor({.stored = 8, .chunk = 8, .shape = {8}, .name = "t"}), wrong}, 1, 8);
  c.add_payload("chunk-decoded-digest", "decoded bytes have their SHA-256", sha.bytes(), "ok",
                "checksum");
}

}  // namespace

void add_catalog_vectors(Collector& c) {
  files_and_tensors(c);
  chunks(c);
}

}  // namespace bbz::vectors
