// Chunks that repeat earlier ones.
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

const Coded kSame{5, {}};
const Coded kLater{99, raw::text("?")};
const std::vector<Coded> kAllSame = {kSame, kSame, kSame};

// The same bytes in two files, and parts of them.
Valid repeats(const char* name, bool front, bool sha) {
  Maker m(name, front, sha);
  const Buffer sixteen = raw::text("0123456789abcdef");
  m.begin_file("a.bin");
  m.bytes("a header");
  m.tensor("w", kU16, 16, {4, 2}, sixteen, {.chunk = 3});
  m.tensor("tied", kU16, 16, {4, 2}, sixteen, {.coded = kAllSame, .chunk = 3});
  m.tensor("part", kU16, 16, {4, 2}, raw::text("0123456789ab...."),
           {.coded = {kSame, kSame}, .chunk = 3});
  m.tensor("scalar", kU8, 8, {}, raw::text("!"));
  m.tensor("no row", kU8, 8, {}, raw::text("!"), {.coded = {kSame}});
  m.tensor("row of one", kU8, 8, {1, 1}, raw::text("!"), {.coded = {kSame}});
  m.tensor("unlisted", 250, 4, {2}, raw::text("u"));
  m.tensor("unlisted too", 250, 4, {2}, raw::text("u"), {.coded = {kSame}});
  m.end_file();
  m.begin_file("b.bin");
  m.bytes("a header", {}, kSame);
  m.tensor("w", kU16, 16, {2, 2, 2}, sixteen, {.coded = kAllSame, .chunk = 3});
  m.end_file();
  return m.finish();
}

// The newest of several chunks is repeated: one that stands for the others cannot be read, and those
// which are no such chunks do not count.
Valid newest() {
  Maker m("repeats-newest");
  m.begin_file("a.bin");
  m.tensor("first", kU8, 8, {4}, raw::text("abcd"));
  m.tensor("operand", kU8, 8, {4}, raw::text("abcd"),
           {.coded = {kLater}, .operand = true, .fails = "unsupported"});
  m.tensor("of the first", kU8, 8, {4}, raw::text("abcd"), {.coded = {kSame}});
  m.tensor("other dtype", 3, 8, {4}, raw::text("abcd"),
           {.coded = {kLater}, .fails = "unsupported"});
  m.tensor("other row", kU8, 8, {2, 2}, raw::text("abcd"),
           {.coded = {kLater}, .fails = "unsupported"});
  const Buffer three_times_four = raw::text("abcabcabcabc");
  m.tensor("columns", kU8, 8, {3, 4}, three_times_four,
           {.coded = {{0, raw::text("abc")}, {0, raw::text("abc")}, {0, raw::text("abc")}, kLater},
            .chunk = 3,
            .fails = "unsupported"});
  m.tensor("of the first column", kU8, 8, {3, 4}, three_times_four, {.coded = {kSame}, .chunk = 3});
  m.tensor("of the first too", kU8, 8, {4}, raw::text("abcd"), {.coded = {kSame}});
  m.tensor("second", kU8, 8, {4}, raw::text("abcd"), {.coded = {kLater}, .fails = "unsupported"});
  m.tensor("of the second", kU8, 8, {4}, raw::text("abcd"),
           {.coded = {kSame}, .fails = "unsupported"});
  m.end_file();
  return m.finish();
}

// What is not known of a chunk or its tensor is not known of those that repeat it.
Valid unknown(const char* name, std::uint32_t type) {
  Maker m(name);
  m.begin_file("a.bin");
  m.tensor("w", kU8, 8, {6}, raw::text("012345"), {.chunk = 3, .fails = "unsupported"});
  for (raw::Record& record : m.archive.records) {
    if (record.type != type) continue;
    record = raw::extend(record, {{.number = 40, .required = true, .fields = "required"}});
  }
  m.tensor("again", kU8, 8, {6}, raw::text("012345"),
           {.coded = kAllSame, .chunk = 3, .fails = "unsupported"});
  m.end_file();
  m.begin_file("b.bin");
  m.tensor("other", kU8, 8, {6}, raw::text("543210"));
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_repeat_vectors() {
  return {repeats("repeats", false, false),       repeats("repeats-index-first", true, false),
          repeats("repeats-sha256", false, true), newest(),
          unknown("repeats-extension-tensor", 3), unknown("repeats-extension-chunk", 4)};
}

}  // namespace bbz::vectors
