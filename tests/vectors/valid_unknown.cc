// Archives with dtypes, codecs and forms that no version knows. All else in them is readable.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

constexpr const char* kFails = "unsupported";

// Codecs of 7 and more have a field of their own in the record of a tensor.
Valid codecs() {
  Maker m("unknown-codec");
  m.begin_file("t.bin");
  m.tensor("before", kU32, 32, {2}, raw::text("01234567"));
  for (const std::uint8_t codec : std::initializer_list<std::uint8_t>{10, 11, 95, 100, 255}) {
    m.tensor("codec " + std::to_string(codec), kU32, 32, {2}, raw::text("abcdefgh"),
             {.coded = {{codec, raw::text("?")}}, .fails = kFails});
  }
  m.tensor(
      "later chunk", kU32, 32, {3}, raw::text("ABCDEFGHIJKL"),
      {.coded = {{0, raw::text("ABCDEFGH")}, {100, raw::text("?")}}, .chunk = 2, .fails = kFails});
  m.tensor("first chunk", kU32, 32, {3}, raw::text("ABCDEFGHIJKL"),
           {.coded = {{100, raw::text("?")}, {0, raw::text("IJKL")}}, .chunk = 2, .fails = kFails});
  m.tensor("after", kU32, 32, {2}, raw::text("89abcdef"));
  m.end_file();
  return m.finish();
}

// Nobody knows what the fields of such a form are, so they are not looked at: there is no group 5.
Valid forms() {
  Maker m("unknown-form");
  m.begin_file("t.bin");
  m.tensor("before", kU32, 32, {2}, raw::text("01234567"));
  m.tensor("unknown", kU32, 32, {2}, raw::text("abcdefgh"), {.form = 200, .fails = kFails});
  m.tensor("of fields", kU32, 32, {2}, raw::text("abcdefgh"),
           {.form = 8, .group = 5, .fails = kFails});
  m.tensor("of less", kU32, 32, {3}, raw::text("ABCDEFGHIJKL"),
           {.kept = raw::text("ABCD"), .form = 255, .fails = kFails});
  m.tensor("of more", kU8, 8, {1}, raw::text("x"),
           {.kept = raw::text("0123456789"), .chunk = 4, .form = 7, .fails = kFails});
  m.tensor("of nothing", kU8, 8, {1}, raw::text("y"),
           {.kept = Buffer(), .form = 6, .fails = kFails});
  m.tensor("after", kU32, 32, {2}, raw::text("89abcdef"));
  m.end_file();
  return m.finish();
}

Buffer repeat(std::string_view pattern, std::size_t times) {
  raw::Fields f;
  for (std::size_t i = 0; i < times; ++i) f.text(pattern);
  return f;
}

// Only split-float and the forms polar and pivot need a dtype.
Valid dtypes() {
  Maker m("unknown-dtype");
  m.begin_file("t.bin");
  m.archive.records.push_back(example_group());
  m.tensor("carrier", kF16, 16, {6, 3}, example_carrier());
  m.tensor("raw", 250, 12, {2, 4}, raw::text("0123456789ab"));
  m.tensor("constant", 250, 12, {6}, repeat("abc", 3), {.coded = {{1, raw::text("abc")}}});
  Buffer plain = repeat("z", 60);
  raw::append(plain, raw::text("std"));
  const ZstdFrame frame{.fields = raw::Fields().u8(63)};
  m.tensor("zstd", 250, 12, {42}, plain, {.coded = {{2, frame.of(plain, 60)}}});
  m.tensor("chunks", 250, 12, {9, 2}, repeat("012345678", 3),
           {.coded = {{0, raw::text("012345678")}, {0, raw::text("012345678")}}, .chunk = 6});
  m.tensor("split-float", 250, 16, {4}, raw::text("01234567"),
           {.coded = {{3, raw::text("?")}}, .fails = kFails});
  m.tensor("a chunk of split-float", 250, 16, {4}, raw::text("01234567"),
           {.coded = {{0, raw::text("0123")}, {3, raw::text("?")}}, .chunk = 2, .fails = kFails});
  m.tensor("carried", 250, 16, {10}, repeat("bb", 10),
           {.coded = {{4, Carried()}}, .form = 3, .group = 0});
  m.tensor("carried split-float", 250, 64, {4}, repeat("bbz!bbz!", 4),
           {.coded = {{4, Carried{.codec = 3}}}, .form = 3, .group = 0, .fails = kFails});
  m.tensor("lower", 250, 16, {2, 2}, raw::Fields().text("ab").u16(0).text("cdef"),
           {.kept = raw::text("abcdef"), .form = 1});
  const Buffer polar = raw::Fields().u32(0).u32(0).u64(xxh3_64(raw::text("derived!")));
  m.archive.records.push_back(raw::group(1, 2, polar));
  m.tensor("polar", 250, 16, {2, 2}, raw::text("derived!"),
           {.kept = Buffer(), .form = 2, .group = 1, .fails = kFails});
  m.tensor("pivot", 250, 16, {2, 1}, raw::text("abcd"),
           {.kept = raw::text("ab"),
            .form = 5,
            .form_fields = raw::Fields().u8(0).u8(2),
            .fails = kFails});
  m.tensor("empty", 255, 1, {0, 3}, {});
  m.tensor("one bit", 255, 1, {8}, raw::text("!"));
  m.tensor("255 bits", 0, 255, {8}, repeat("12345", 51));
  m.tensor("known", kU8, 8, {3}, raw::text("def"));
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_unknown_vectors() {
  return {codecs(), forms(), dtypes()};
}

}  // namespace bbz::vectors
