// Extensions, private names and aligned payloads.
#include <limits>

#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

constexpr raw::Extension kIgnorable{.number = 40, .fields = "ignorable"};
constexpr raw::Extension kRequired{.number = 40, .required = true, .fields = "required"};
constexpr const char* kFails = "unsupported";

// Extends the records of these types.
void extend(Maker& m, std::initializer_list<std::uint32_t> types,
            const std::vector<raw::Extension>& extensions) {
  for (raw::Record& record : m.archive.records) {
    if (std::ranges::find(types, record.type) == types.end()) continue;
    record = raw::extend(record, extensions);
  }
}

// One of every record that can be extended; the tensors that follow need the first one and the
// group.
Maker every_kind(const char* name, bool sha) {
  Maker m(name, false, sha);
  m.archive.records.push_back(raw::private_name(2, 100, "org.example.int3"));
  m.metadata(false, "model", "extended");
  m.begin_file("a.bin");
  m.metadata(true, "note", "text");
  m.bytes("bytes");
  m.tensor("w", kU8, 8, {2, 3}, raw::text("012345"), {.chunk = 4});
  m.archive.records.push_back(raw::group(0, 255, raw::text("a later method"), sha));
  m.end_file();
  return m;
}

Valid ignorable(bool sha) {
  Maker m = every_kind(sha ? "extensions-ignorable-sha256" : "extensions-ignorable", sha);
  const raw::Extension first{.number = 0, .fields = ""};
  const raw::Extension last{.number = ~std::uint64_t{0} / 2, .fields = "far"};
  extend(m, {1, 2, 3, 4, 5, 6, 10}, {first, kIgnorable, last});
  return m.finish();
}

Valid most_extensions() {
  Maker m("extensions-255");
  m.begin_file("a.bin");
  m.bytes("bytes");
  m.end_file();
  std::vector<raw::Extension> many;
  many.push_back({.number = 0, .fields = "."});
  for (std::uint64_t i = 1; i < 255; ++i) many.push_back({.number = 3 * i + 1, .fields = "."});
  extend(m, {3}, many);
  return m.finish();
}

// Permissions and modification times, at their bounds, of files and of empty directories.
Valid file_attributes() {
  constexpr auto kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr auto kLast = std::numeric_limits<std::int64_t>::max();
  Maker m("file-attributes");
  const auto file = [&](const char* path, const Attributes& recorded) {
    m.begin_file(path, recorded);
    m.bytes("bytes");
    m.end_file();
  };
  file("a", {});
  file("mode", {.mode = 0644});
  file("mode-none", {.mode = 0});
  file("mode-all", {.mode = 0777});
  file("time", {.time = {{1'700'000'000, 123'456'789}}});
  file("time-1970", {.time = {{0, 0}}});
  file("time-before", {.time = {{-1, 999'999'999}}});
  file("time-first", {.time = {{kFirst, 0}}});
  file("time-last", {.time = {{kLast, 999'999'999}}});
  file("both", {.mode = 0751, .time = {{1'700'000'001, 0}}});
  m.directory("directory", {}, {.mode = 0700, .time = {{1'700'000'002, 5}}});
  // Beside one that no version knows.
  m.begin_file("z", {.mode = 0600});
  raw::Record& record = m.archive.records.back();
  record.meta = raw::file(11, "z").meta;
  record = raw::extend(record, {{.number = 1, .fields = "\x80\x03"}, kIgnorable});
  m.end_file();
  return m.finish();
}

// An archive of two files, of which `change` makes something of the first one unsupported.
template <class Change>
Valid required(const char* name, std::uint32_t type, const Change& change) {
  Maker m(name);
  change(m);
  extend(m, {type}, {kRequired});
  m.begin_file("b.bin");
  m.tensor("after", kU8, 8, {2}, raw::text("ab"));
  m.end_file();
  return m.finish();
}

std::vector<Valid> required_ones() {
  std::vector<Valid> all;
  const auto file = [](Maker& m) {
    m.begin_file("a.bin");
    m.tensor("w", kU8, 8, {6}, raw::text("012345"));
    m.end_file(kFails);
  };
  all.push_back(required("extension-required-file", 1, file));
  all.push_back(required("extension-required-file-end", 2, file));
  const auto tensor = [](Maker& m) {
    m.begin_file("a.bin");
    m.tensor("w", kU8, 8, {6}, raw::text("012345"), {.chunk = 4, .fails = kFails});
    m.end_file();
  };
  all.push_back(required("extension-required-tensor", 3, tensor));
  all.push_back(required("extension-required-chunk", 4, tensor));
  all.push_back(required("extension-required-metadata", 5,
                         [](Maker& m) { m.metadata(false, "later", "\xFF is no text", kFails); }));
  all.push_back(required("extension-required-group", 6, [](Maker& m) {
    m.begin_file("a.bin");
    // Not even the fields of the method are looked at.
    m.archive.records.push_back(raw::group(0, 2, raw::text("later")));
    m.tensor("derived", 18, 32, {2, 2}, Buffer(16),
             {.kept = Buffer(), .form = 2, .group = 0, .fails = kFails});
    m.tensor("dense", kU8, 8, {2}, raw::text("ab"));
    m.end_file();
  }));
  all.push_back(required("extension-required-private-name", 10, [](Maker& m) {
    m.archive.records.push_back(raw::private_name(2, 100, "org.example.int3"));
  }));
  all.push_back(required("extension-required-block-type", 11, [](Maker& m) {
    m.block_type("later", 2, {{"f", 0, 3}});
    m.begin_file("a.bin");
    m.tensor("blocks", kBlock, 24, {2}, raw::text("012345"));
    m.end_file();
  }));
  return all;
}

Valid private_names() {
  Maker m("private-names");
  auto& records = m.archive.records;
  for (std::uint8_t registry = 1; registry <= 6; ++registry) {
    records.push_back(raw::private_name(registry, 96, "org.example.first"));
    records.push_back(raw::private_name(registry, 127, "a-b"));
  }
  records.push_back(raw::private_name(77, 3, "?"));  // of a registry that is not known
  m.begin_file("a.bin");
  m.tensor("dtype", 96, 12, {8}, Buffer(12, std::byte{7}));
  m.tensor("dtype of split-float", 96, 12, {8}, Buffer(12, std::byte{7}),
           {.coded = {{3, raw::text("a")}}, .fails = kFails});
  m.tensor("no name", 97, 8, {2}, raw::text("ab"));
  m.tensor("form", 18, 32, {2}, Buffer(8), {.form = 127, .fails = kFails});
  m.tensor("codec", kU8, 8, {2}, raw::text("ab"),
           {.coded = {{96, raw::text("a")}}, .fails = kFails});
  m.tensor("codec of a later chunk", kU8, 8, {4}, raw::text("abcd"),
           {.coded = {{0, raw::text("ab")}, {127, raw::text("c")}}, .chunk = 2, .fails = kFails});
  records.push_back(raw::unknown(96, "", "private"));
  records.push_back(raw::extend(raw::unknown(127, "", "private"), {{.number = 96}}));
  m.tensor("dense", kU8, 8, {2}, raw::text("ab"));
  m.end_file();
  return m.finish();
}

bool has_chunk(const raw::Record& record) {
  return record.has_payload() && (record.type == 3 || record.type == 4);
}

// Chunks of 16 and 15 bytes with an alignment of 16, of which the first kind is aligned.
Valid aligned(const char* name, bool front) {
  Maker m(name, front);
  m.archive.header.alignment = 4;
  m.begin_file("a.bin");
  m.tensor("w", kU8, 8, {63},
           raw::text("0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopq"),
           {.chunk = 16});
  m.tensor("short", kU8, 8, {4}, raw::text("abcd"));
  m.end_file();
  // The padding of a record moves those behind it. Those before an index at the front do not depend
  // on it, because the lists are equally long: a pad below 128 has one byte of length.
  for (raw::Record& record : m.archive.records) {
    if (has_chunk(record) && record.payload.size() >= 16) record.flags |= raw::kPadded;
  }
  for (std::size_t i = 0; i < m.archive.records.size(); ++i) {
    raw::Record& record = m.archive.records[i];
    if (record.is_padded()) record.align(m.archive.offset_of(i), 16);
  }
  return m.finish();
}

// Pads that no writer needs: of no bytes, and of records that need not be aligned.
Valid padded() {
  Maker m("padded");
  m.archive.header.alignment = 21;
  m.begin_file("a.bin");
  m.tensor("w", kU8, 8, {6}, raw::text("012345"), {.chunk = 3});
  m.end_file();
  std::size_t pad = 0;
  for (raw::Record& record : m.archive.records) {
    if (!has_chunk(record)) continue;
    record.flags |= raw::kPadded;
    record.pad = pad;
    pad = 200;
  }
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_extension_vectors() {
  std::vector<Valid> all = required_ones();
  all.push_back(ignorable(false));
  all.push_back(ignorable(true));
  all.push_back(most_extensions());
  all.push_back(file_attributes());
  all.push_back(private_names());
  all.push_back(aligned("aligned", false));
  all.push_back(aligned("aligned-front-index", true));
  all.push_back(padded());
  return all;
}

}  // namespace bbz::vectors
