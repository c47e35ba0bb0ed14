#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

void paths(Collector& c) {
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
  const auto list = [](std::initializer_list<const char*> paths) {
    std::vector<Record> records;
    std::uint32_t number = 0;
    for (const char* p : paths) {
      records.push_back(raw::file(number, p));
      records.push_back(raw::file_end(number++, 0, 0));
    }
    return records;
  };
  c.records("path-twice", "paths are unique", list({"a", "a"}), "malformed");
  c.records("path-below-file", "no path is a directory above another", list({"a", "a-b", "a/b"}),
            "malformed");
  c.records("path-above-file", "no path is a directory above another", list({"a/b", "a-b", "a"}),
            "malformed");
}

void files(Collector& c) {
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
  const auto file_end = [&](const char* name, const char* rule, const Buffer& bytes,
                            const char* code) {
    c.records(name, rule, {raw::file(0, "a"), Record{2, 0, bytes, {}}}, code);
  };
  const raw::Fields counts = raw::Fields().var(0).var(0).var(0);
  const auto flags = [&](unsigned bits) { return raw::Fields(counts).u8(bits); };
  file_end("file-end-flags", "reserved flags are zero", flags(2 | 4), "unsupported");
  file_end("file-end-flags-top", "reserved flags are zero", flags(2 | 128), "unsupported");
  file_end("file-end-without-flags", "a file end has its flags", counts, "malformed");
  file_end("file-end-digest-cut", "a file's digest has 32 bytes", flags(3).zeros(31), "malformed");
  file_end("file-end-digest-missing", "a file end has the digest that it promises", flags(3),
           "malformed");
  file_end("file-end-digest-not-said", "a file end says that it has a digest", flags(2).zeros(32),
           "malformed");
  const Buffer data = raw::text("01234567");
  const auto halves = [&](bool swapped, const Buffer& digest, bool ordered) {
    std::vector<Record> list = {raw::file(0, "a")};
    for (const std::uint32_t number : {0u, 1u}) {
      const bool second = (number == 1) != swapped;
      list.push_back(raw::tensor({.number = number,
                                  .offset = second ? 4u : 0u,
                                  .stored = 4,
                                  .chunk = 4,
                                  .shape = {4},
                                  .name = second ? "u" : "t",
                                  .moved = swapped}));
      list.push_back(raw::raw_chunk({.tensor = number}, Bytes(data).subspan(second ? 4 : 0, 4)));
    }
    list.push_back(raw::file_end(0, 2, 8, digest, ordered));
    return list;
  };
  c.records("file-end-ordered-missing", "a file in order is said to be ordered",
            halves(false, {}, false), "malformed");
  c.records("file-end-ordered-wrong", "a file out of order is not said to be ordered",
            halves(true, {}, true), "malformed");
  c.records("file-end-digest-unordered", "a file with a digest is ordered",
            halves(true, raw::sha256(data), false), "malformed");
  c.records("file-end-digest-unordered-in-order", "a file with a digest is said to be ordered",
            halves(false, raw::sha256(data), false), "malformed");
  c.records("directory-unordered", "a directory is ordered",
            {raw::file(0, "a", 1), raw::file_end(0, 0, 0, {}, false)}, "malformed");
  c.records("directory-size", "a directory has size 0",
            {raw::file(0, "a", 1), raw::file_end(0, 0, 1)}, "malformed");
}

void groups_and_metadata(Collector& c) {
  c.records("group-number", "groups count from 0", {raw::group(1, 1, {})}, "malformed");
  c.records("group-not-newest", "a tensor refers to the newest group of a method before it",
            in_file({raw::group(0, 9, {}), raw::group(1, 9, {}),
                     raw::tensor({.form = 3, .group = 0, .shape = {0}})},
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

}  // namespace

void add_catalog_vectors(Collector& c) {
  paths(c);
  files(c);
  groups_and_metadata(c);
}

}  // namespace bbz::vectors
