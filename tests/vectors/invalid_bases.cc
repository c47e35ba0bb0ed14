// Bases, and tensors that must not lean as they do.
#include "vectors/codec_payloads.h"
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

const Buffer kText = raw::text("abcd");
const Buffer kDigest = raw::text("0123456789abcdef");

// A tensor of four bytes.
TensorFields fields_of(std::uint32_t number = 0) {
  TensorFields fields{.stored = 4, .chunk = 4, .shape = {4}, .name = "t"};
  fields.number = number;
  return fields;
}

Record leaning(const TensorFields& fields, std::string_view with, bool required = false) {
  return raw::extend(raw::tensor(fields), {{.number = 6, .required = required, .fields = with}});
}

// A base, and a file with these records.
std::vector<Record> with_base(std::vector<Record> within, std::uint32_t tensors = 1,
                              std::uint64_t size = 4) {
  std::vector<Record> list = in_file(std::move(within), tensors, size);
  list.insert(list.begin(), raw::base(0, "base"));
  return list;
}

void bases(Collector& c) {
  const char* rule = "the fields of a base";
  const auto alone = [&](const char* name, Record record, const char* code) {
    c.records(name, rule, {std::move(record)}, code);
  };
  alone("base-number", raw::base(1, "b"), "malformed");
  alone("base-root-kind", raw::base(0, "b", 3, kDigest), "unsupported");
  alone("base-root-short", raw::base(0, "", 2, kDigest), "malformed");
  alone("base-hint-limit", raw::base(0, std::string(4097, 'b')), "limit");
  alone("base-hint-utf8", raw::base(0, "\xFF"), "malformed");
  alone("base-extension", raw::extend(raw::base(0, "b"), {{.number = 6, .fields = "x"}}),
        "malformed");
  c.records("base-twice", "bases count from 0", {raw::base(0, "b"), raw::base(0, "b")},
            "malformed");
  TensorFields chunked = fields_of();
  chunked.chunk = 2;
  c.records("base-between-chunks", "chunks follow their tensor directly",
            in_file({raw::tensor(chunked), raw::raw_chunk({}, Bytes(kText).first(2)),
                     raw::base(0, "b"), raw::raw_chunk({.number = 1}, Bytes(kText).last(2))},
                    1, 4),
            "malformed");
  std::vector<Record> many;
  for (std::uint32_t i = 0; i <= 1024; ++i) many.push_back(raw::base(i, ""));
  c.records("base-limit", "there are at most 1,024 bases", many, "limit");
}

void supports(Collector& c) {
  const char* rule = "what leans, and on what";
  const auto one = [&](const char* name, const Record& tensor, const char* code) {
    c.records(name, rule, with_base({tensor, raw::raw_chunk({}, kText)}), code);
  };
  const std::string on_base = raw::leaning(0, kDigest);
  one("leaning-base-missing", leaning(fields_of(), raw::leaning(1, kDigest)), "malformed");
  one("leaning-required", leaning(fields_of(), on_base, true), "malformed");
  one("leaning-short", leaning(fields_of(), on_base.substr(0, 16)), "malformed");
  one("leaning-own-name", leaning(fields_of(), raw::leaning(0, kDigest, "t")), "malformed");
  one("leaning-name-utf8", leaning(fields_of(), raw::leaning(0, kDigest, "\xFF")), "malformed");
  one("leaning-name-limit", leaning(fields_of(), raw::leaning(0, kDigest, std::string(4097, 'n'))),
      "limit");
  TensorFields bytes = fields_of();
  bytes.kind = 0;
  bytes.name = {};
  one("leaning-bytes", leaning(bytes, on_base), "malformed");
  TensorFields lower{.dtype = 4, .bits = 16, .form = 1, .stored = 3, .chunk = 3, .shape = {2, 2}};
  lower.name = "t";
  c.records("leaning-lower", rule,
            with_base({leaning(lower, on_base), raw::raw_chunk({}, words(3, 1))}, 1, 8),
            "malformed");
  TensorFields empty = fields_of();
  empty.stored = 0;
  empty.shape = {0};
  c.records("leaning-empty", rule, with_base({leaning(empty, on_base)}, 1, 0), "malformed");
  TensorFields operand = fields_of();
  operand.file = kNone;
  c.records("leaning-operand", rule,
            {raw::base(0, "b"), leaning(operand, on_base), raw::raw_chunk({}, kText)}, "malformed");
  c.records("leaning-file", "a known extension is of its record",
            raw::join({raw::base(0, "b"),
                       raw::extend(raw::file(0, "f"), {{.number = 6, .fields = on_base}}),
                       raw::file_end(0, 0, 0)}),
            "malformed");
  const Record unchanged = raw::chunk({.codec = 6}, kText, {});
  c.records("unchanged-without-leaning", "a codec that needs a base is for tensors that lean",
            with_base({raw::tensor(fields_of()), unchanged}), "malformed");
  c.records("difference-without-leaning", "a codec that needs a base is for tensors that lean",
            with_base({raw::tensor(fields_of()), raw::chunk({.codec = 7}, kText, kText)}),
            "malformed");
  TensorFields second = fields_of(1);
  second.offset = 4;
  second.name = "u";
  const Record same = raw::chunk({.tensor = 1, .codec = 5}, kText, {});
  c.records("same-in-leaning", "no chunk of a tensor that leans is of codec same",
            with_base({raw::tensor(fields_of()), raw::raw_chunk({}, kText),
                       leaning(second, on_base), same},
                      2, 8),
            "malformed");
  c.records("same-of-leaning", "no chunk of a tensor that leans is repeated",
            with_base({leaning(fields_of(), on_base), raw::raw_chunk({}, kText),
                       raw::tensor(second), same},
                      2, 8),
            "malformed");
}

}  // namespace

void add_base_vectors(Collector& c) {
  bases(c);
  supports(c);
}

}  // namespace bbz::vectors
