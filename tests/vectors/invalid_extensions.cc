// Heads, extensions, private names and pads that break a rule.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

constexpr std::string_view kName = "org.example.a";

// The head of the file record, changed.
void add_heads(Collector& c) {
  const auto fields = [&](const char* name, const char* rule, const raw::Fields& before_meta) {
    c.edit(
        name, rule, [&](Archive& a) { a.records[1].says_fields = before_meta; }, "malformed");
  };
  const std::size_t meta = raw::sample().records[1].meta.size();
  fields("record-type-longer", "a number takes as few bytes as it needs",
         raw::Fields().u8(0x1F).u8(0x8F).u8(0).var(meta));
  fields("record-type-follows", "a type that follows is 15 or more",
         raw::Fields().u8(0x0F).var(1).var(meta));
  fields("record-type-33-bits", "a type has 32 bits",
         raw::Fields().u8(0x1F).var(std::uint64_t{1} << 32).var(meta));
  fields("record-meta-longer", "a number takes as few bytes as it needs",
         raw::Fields().u8(0x01).u8(0x80 + meta).u8(0));
  fields("record-meta-65536", "a meta has at most 65,535 bytes", raw::Fields().u8(0x01).var(65536));
  fields("record-meta-65-bits", "a number has at most 64 bits",
         raw::Fields().u8(0x01).u64(~std::uint64_t{0}).u8(0xFF).u8(2));
}

// An extension of the file record's meta, changed.
void add_extensions(Collector& c) {
  const auto list = [&](const char* name, const char* rule, const raw::Fields& extensions) {
    c.edit(
        name, rule,
        [&](Archive& a) {
          raw::append(a.records[1].meta, extensions.get());
          a.records[1].flags |= raw::kExtended;
        },
        "malformed");
  };
  const auto extension = [](std::uint64_t number) {
    return raw::Fields().var(2 * number).var(1).u8('x');
  };
  list("extensions-none", "an extended record has extensions", raw::Fields());
  list("extensions-count-0", "there are 1 to 255 extensions", raw::Fields().var(0));
  raw::Fields many;
  many.var(256);
  for (std::uint64_t i = 0; i < 256; ++i) many.bytes(extension(i).get());
  list("extensions-256", "there are 1 to 255 extensions", many);
  list("extensions-fewer", "there are as many extensions as their count says",
       raw::Fields().var(2).bytes(extension(1).get()));
  list("extensions-left-over", "extensions fill the meta",
       raw::Fields().var(1).bytes(extension(1).get()).u8(0));
  list("extensions-equal", "the numbers of extensions ascend",
       raw::Fields().var(2).bytes(extension(7).get()).bytes(extension(7).get()));
  list("extensions-descend", "the numbers of extensions ascend",
       raw::Fields().var(2).bytes(extension(7).get()).bytes(extension(6).get()));
  list("extensions-both-needs", "the numbers of extensions ascend",
       raw::Fields().var(2).bytes(extension(7).get()).var(15).var(0));
  list("extension-too-long", "an extension is within the meta",
       raw::Fields().var(1).var(2).var(2).u8(0));
  list("extension-length-beyond", "an extension is within the meta",
       raw::Fields().var(1).var(2).var(~std::uint64_t{0}));
  c.edit(
      "extended-index", "an index has no extensions",
      [](Archive& a) { a.edit_index = [](Record& r) { r = raw::extend(r, {{.number = 1}}); }; },
      "malformed");
  c.edit(
      "unknown-without-check", "a record with a payload begins with its check",
      [](Archive& a) { a.records[8].meta.resize(7); }, "malformed");
  c.edit(
      "private-number-used", "a private number is named before it is used",
      [](Archive& a) {
        a.records[0] = raw::extend(a.records[0], {{.number = 96}});
        a.records[8] = raw::private_name(6, 96, kName);
      },
      "malformed");
}

// The extensions mode and time of the file record, changed.
void add_attributes(Collector& c) {
  const auto extended = [&](const char* name, const char* rule, std::size_t record,
                            std::uint64_t number_and_need, const raw::Fields& fields) {
    c.edit(
        name, rule,
        [&](Archive& a) {
          const raw::Fields list = raw::Fields().var(1).var(number_and_need);
          raw::Record& changed = a.records[record];
          raw::append(changed.meta,
                      raw::Fields(list).var(fields.get().size()).bytes(fields.get()).get());
          changed.flags |= raw::kExtended;
        },
        "malformed");
  };
  const auto mode = [&](const char* name, const char* rule, const raw::Fields& fields) {
    extended(name, rule, 1, 2, fields);
  };
  const raw::Fields right_mode = raw::Fields().var(0644);
  mode("extension-mode-1000", "permissions are at most 0777", raw::Fields().var(01000));
  mode("extension-mode-setuid", "permissions are at most 0777", raw::Fields().var(04755));
  mode("extension-mode-33-bits", "permissions are at most 0777",
       raw::Fields().var(std::uint64_t{1} << 32));
  mode("extension-mode-longer", "a number takes as few bytes as it needs",
       raw::Fields().u8(0x87).u8(0));
  mode("extension-mode-empty", "the extension mode has permissions", raw::Fields());
  mode("extension-mode-left-over", "the extension mode has nothing else",
       raw::Fields(right_mode).u8(0));
  extended("extension-mode-required", "the extension mode is ignorable", 1, 3, right_mode);
  const auto time = [&](const char* name, const char* rule, const raw::Fields& fields) {
    extended(name, rule, 1, 4, fields);
  };
  const raw::Fields right_time = raw::Fields().var(3'400'000'000).var(5);
  time("extension-time-nanoseconds", "nanoseconds are below 1,000,000,000",
       raw::Fields().var(3'400'000'000).var(1'000'000'000));
  time("extension-time-nanoseconds-33-bits", "nanoseconds are below 1,000,000,000",
       raw::Fields().var(3'400'000'000).var(std::uint64_t{1} << 32));
  time("extension-time-65-bits", "a number has at most 64 bits",
       raw::Fields().u64(~std::uint64_t{0}).u8(0xFF).u8(2).var(0));
  time("extension-time-longer", "a number takes as few bytes as it needs",
       raw::Fields().u8(0x82).u8(0).var(0));
  time("extension-time-empty", "the extension time has seconds", raw::Fields());
  time("extension-time-no-nanoseconds", "the extension time has nanoseconds",
       raw::Fields().var(3'400'000'000));
  time("extension-time-left-over", "the extension time has nothing else",
       raw::Fields(right_time).u8(0));
  extended("extension-time-required", "the extension time is ignorable", 1, 5, right_time);
  struct Other {
    const char* mode;
    const char* time;
    std::size_t record;
  };
  for (const Other& other : {
           Other{"extension-mode-of-file-end", "extension-time-of-file-end", 11},
           Other{"extension-mode-of-tensor", "extension-time-of-tensor", 9},
           Other{"extension-mode-of-chunk", "extension-time-of-chunk", 6},
           Other{"extension-mode-of-group", "extension-time-of-group", 3},
           Other{"extension-mode-of-metadata", "extension-time-of-metadata", 0},
       }) {
    extended(other.mode, "the extension mode is that of a file", other.record, 2, right_mode);
    extended(other.time, "the extension time is that of a file", other.record, 4, right_time);
  }
}

// The extension layer of a tensor, changed.
void add_layers(Collector& c) {
  const auto layer = [&](const char* name, const char* rule, const raw::Fields& extension) {
    c.edit(
        name, rule,
        [&](Archive& a) {
          raw::append(a.records[9].meta, raw::Fields().var(1).bytes(extension.get()).get());
          a.records[9].flags |= raw::kExtended;
        },
        "malformed");
  };
  const auto fields = [](const raw::Fields& of) {
    return raw::Fields().var(6).var(of.get().size()).bytes(of.get());
  };
  layer("extension-layer-none", "a layer is below 2^32 - 1", fields(raw::Fields().var(kNone)));
  layer("extension-layer-33-bits", "a layer is below 2^32 - 1",
        fields(raw::Fields().var(std::uint64_t{1} << 32)));
  layer("extension-layer-longer", "a number takes as few bytes as it needs",
        fields(raw::Fields().u8(0x81).u8(0)));
  layer("extension-layer-empty", "the extension layer has a layer", fields(raw::Fields()));
  layer("extension-layer-left-over", "the extension layer has nothing else",
        fields(raw::Fields().var(1).u8(0)));
  layer("extension-layer-required", "the extension layer is ignorable",
        raw::Fields().var(7).var(1).u8(1));
  for (const auto& [name, i] : {std::pair{"extension-layer-of-file", 1},
                                {"extension-layer-of-file-end", 11},
                                {"extension-layer-of-chunk", 6},
                                {"extension-layer-of-group", 3},
                                {"extension-layer-of-metadata", 0}}) {
    c.edit(
        name, "the extension layer is that of a tensor",
        [at = i](Archive& a) {
          a.records[at] = raw::extend(a.records[at], {{.number = 3, .fields = "\1"}});
        },
        "malformed");
  }
}

void add_private_names(Collector& c) {
  const auto named = [&](const char* name, const char* rule, std::vector<Record> records) {
    c.records(name, rule, std::move(records), "malformed");
  };
  const Record right = raw::private_name(2, 96, kName);
  named("private-name-twice", "a private number has one name", {right, right});
  named("private-name-95", "a private number is 96 to 127", {raw::private_name(2, 95, kName)});
  named("private-name-128", "a private number is 96 to 127", {raw::private_name(2, 128, kName)});
  named("private-name-short", "a private name has 3 to 255 bytes",
        {raw::private_name(1, 96, "ab")});
  named("private-name-long", "a private name has 3 to 255 bytes",
        {raw::private_name(1, 96, std::string(256, 'a'))});
  named("private-name-blank", "a private name is of letters, digits, '-', '_' and '.'",
        {raw::private_name(1, 96, "a b")});
  Record longer = right;
  longer.meta.push_back(std::byte{0});
  named("private-name-left-over", "a meta is consumed exactly", {longer});
  const Buffer data = raw::text("ab");
  const auto tensor =
      raw::tensor({.dtype = 96, .stored = 2, .chunk = 2, .shape = {2}, .name = "t"});
  const auto chunk = raw::raw_chunk({.codec = 97}, data);
  const auto halves = raw::tensor({.form = 99, .stored = 2, .chunk = 1, .shape = {2}, .name = "t"});
  const auto first = raw::raw_chunk({}, Bytes(data).first(1));
  const auto second = raw::raw_chunk({.number = 1, .codec = 98}, Bytes(data).last(1));
  named("private-name-after-dtype", "a private name precedes the use of the number",
        in_file({tensor, chunk, right}, 1, 2));
  named("private-name-after-codec", "a private name precedes the use of the number",
        in_file({tensor, chunk, raw::private_name(3, 97, kName)}, 1, 2));
  named("private-name-after-later-codec", "a private name precedes the use of the number",
        in_file({halves, first, second, raw::private_name(3, 98, kName)}, 1, 2));
  named("private-name-after-form", "a private name precedes the use of the number",
        in_file({halves, first, second, raw::private_name(4, 99, kName)}, 1, 2));
  named("private-name-after-type", "a private name precedes the use of the number",
        {raw::unknown(99, "", ""), raw::private_name(1, 99, kName)});
  named("private-name-after-method", "a private name precedes the use of the number",
        {raw::group(0, 98, {}), raw::private_name(5, 98, kName)});
  named("private-name-within-tensor", "chunks follow their tensor",
        in_file({halves, first, right, second}, 1, 2));
}

void add_pads(Collector& c) {
  const Buffer data = raw::text("0123456789abcdef");
  // The record of a tensor and that of its second chunk, of which `at` is changed.
  const auto changed = [&](std::uint8_t alignment, std::size_t at,
                           const std::function<void(Record&)>& change) {
    Archive a;
    a.header.alignment = alignment;
    a.records = in_file({raw::tensor({.stored = 32, .chunk = 16, .shape = {32}, .name = "t"}),
                         raw::raw_chunk({}, data), raw::raw_chunk({.number = 1}, data)},
                        1, 32);
    for (const std::size_t i : {1, 2}) {
      Record& record = a.records[i];
      if (alignment != 0) record.align(a.offset_of(i), std::uint64_t{1} << alignment);
      if (i != at) continue;
      record.flags |= raw::kPadded;
      if (record.pad == 0) record.pad = 16;
      change(record);
    }
    return a.bytes();
  };
  const auto archive = [&](std::uint8_t alignment, const std::function<void(Record&)>& change) {
    return changed(alignment, 2, change);
  };
  c.add("pad-without-alignment", "an archive without alignment has no pads",
        archive(0, [](Record&) {}), "malformed");
  c.add("chunk-not-aligned", "the payload of a chunk is aligned",
        archive(4, [](Record& r) { ++r.pad; }), "malformed");
  c.add("tensor-without-pad", "the payload of a tensor is aligned",
        changed(4, 1, [](Record& r) { r.pad = 0, r.flags &= ~raw::kPadded; }), "malformed");
  c.add("tensor-pad-without-alignment", "an archive without alignment has no pads",
        changed(0, 1, [](Record&) {}), "malformed");
  c.add("pad-not-zero", "a pad is zero", archive(4, [](Record& r) { r.pad_byte = 1; }), "ok",
        "malformed");
  c.add("pad-too-long", "a pad is below 4 MiB",
        archive(4, [](Record& r) { r.says_pad_length = 1u << 22; }), "malformed");
  c.add("pad-beyond-archive", "a pad is within the archive",
        archive(4, [](Record& r) { r.says_pad_length = 4095 + r.pad; }), "malformed", "truncated");
  c.edit(
      "padded-without-payload", "a padded record has a payload",
      [](Archive& a) {
        a.header.alignment = 4;
        a.records[8].flags = raw::kSkippable | raw::kPadded;
        a.records[8].payload.clear();
      },
      "malformed");
  c.edit(
      "padded-metadata", "metadata is not padded",
      [](Archive& a) {
        a.header.alignment = 4;
        a.records[0].flags |= raw::kPadded;
      },
      "malformed");
}

}  // namespace

void add_extension_vectors(Collector& c) {
  add_heads(c);
  add_extensions(c);
  add_attributes(c);
  add_layers(c);
  add_private_names(c);
  add_pads(c);
  c.with_front(true);
  c.edit(
      "front-index-not-zero", "bytes after the list at the front are zero",
      [](Archive& a) {
        a.edit_front = [](Record& r) {
          // The last fields of the last entry stand behind the list.
          store_le(r.meta.data() + 8, load_le<std::uint64_t>(r.meta.data() + 8) - 4);
        };
      },
      "malformed");
  c.with_front(false);
}

}  // namespace bbz::vectors
