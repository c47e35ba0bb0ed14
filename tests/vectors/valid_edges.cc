// Archives at the edge of a rule: what a strict reader could refuse, and must not.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

// The last chunk has the fewest elements, or as many as the others; chunks of one element.
Valid last_chunks() {
  Maker m("chunks-last");
  m.begin_file("t.bin");
  m.tensor("one left", kU32, 32, {3}, raw::text("0123456789ab"), {.chunk = 2});
  m.tensor("none left", kU32, 32, {4}, raw::text("0123456789abcdef"), {.chunk = 2});
  m.tensor("of one", kU8, 8, {2}, raw::text("01"), {.chunk = 1});
  m.tensor("of half a byte", 48, 4, {2, 3}, raw::text("abc"), {.chunk = 4});
  m.end_file();
  return m.finish();
}

// Empty tensors in any order, at the borders of others. The digest covers the bytes in file order.
Valid empty_tensors_any_order() {
  Maker m("empty-tensors-any-order", false, true);
  m.begin_file("t.bin");
  m.tensor("first", kU8, 8, {4}, raw::text("0123"));
  m.tensor("last", kU8, 8, {0}, {}, {.at = 7});
  m.tensor("before", kU8, 8, {0}, {}, {.at = 0});
  m.tensor("second", kU8, 8, {3}, raw::text("456"), {.at = 4});
  m.tensor("between", kU8, 8, {0}, {}, {.at = 4});
  m.end_file();
  m.directory("d", raw::sha256({}));
  return m.finish();
}

// The junction of the example of bits-back.md: its group, its carrier and what rides on it lie in
// three files, with other records between.
Valid group_apart() {
  Maker m("form-rider-group-apart");
  m.begin_file("a");
  m.archive.records.push_back(example_group());
  m.metadata(true, "between", "the group and its carrier");
  m.end_file();
  m.archive.records.push_back(raw::Record{200, raw::kSkippable, raw::text("unknown"), {}});
  m.begin_file("b");
  m.tensor("w", kF16, 16, {6, 3}, example_carrier());
  m.end_file();
  m.begin_file("c");
  m.tensor("v", kU32, 32, {4}, raw::text("bbz!bbz!bbz!bbz!"),
           {.coded = {{4, Carried{.length = 4}}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

// Names and keys may have any bytes of UTF-8, and paths may differ in case only.
Valid names() {
  using namespace std::string_literals;
  Maker m("names-any");
  m.metadata(false, "key\0of\r\nlines\x7F"s, "value\0of\nlines"s);
  m.begin_file("a");
  m.metadata(true, "\0"s, "");
  m.tensor("\0"s, kU8, 8, {1}, raw::text("0"));
  m.tensor("two\nlines\0"s, kU8, 8, {1}, raw::text("1"));
  m.tensor("../up\\\xC3\xA4"s, kU8, 8, {1}, raw::text("2"));
  m.end_file();
  m.begin_file("A");
  m.bytes("3");
  m.end_file();
  return m.finish();
}

// A lower tensor may have no rows, and then stores nothing.
Valid lower_no_rows() {
  Maker m("form-lower-no-rows");
  m.begin_file("t.bin");
  m.tensor("s", kF16, 16, {0, 3}, {}, {.form = 1});
  m.tensor("t", kF16, 16, {1, 1}, raw::text("ab"), {.form = 1});
  m.end_file();
  return m.finish();
}

// A form of the future may store elements for a tensor without any.
Valid unknown_form_no_elements() {
  Maker m("unknown-form-no-elements");
  m.begin_file("t.bin");
  m.tensor(
      "t", kU8, 8, {2, 0}, {},
      {.kept = raw::text("0123"), .chunk = 3, .operand = true, .form = 7, .fails = "unsupported"});
  m.bytes("after");
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_edge_vectors() {
  return {last_chunks(), empty_tensors_any_order(), group_apart(),
          names(),       lower_no_rows(),           unknown_form_no_elements()};
}

}  // namespace bbz::vectors
