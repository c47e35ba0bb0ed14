// Archives at the edge of a rule: what a strict reader could refuse, and must not.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

// The chunks that there are stay within the limit, whatever their number of elements could be.
Valid chunk_elements() {
  Maker m("chunk-elements-beyond-limit");
  m.begin_file("t.bin");
  m.tensor("t", kU32, 32, {1}, raw::text("0123"), {.chunk = 1 << 27});
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

// A reader that does not know a dtype does not know it of an empty tensor either.
Valid unknown_dtypes() {
  Maker m("unknown-dtype-empty");
  m.begin_file("t.bin");
  m.tensor("empty", 250, 12, {0}, {}, {.fails = "unsupported"});
  m.tensor("full", 250, 12, {2}, raw::text("abc"), {.fails = "unsupported"});
  m.tensor("known", kU8, 8, {3}, raw::text("def"));
  m.end_file();
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
  m.archive.records.push_back(raw::Record{200, 1, raw::text("unknown"), {}});
  m.begin_file("b");
  m.tensor("w", kF16, 16, {6, 3}, example_carrier());
  m.end_file();
  m.begin_file("c");
  m.tensor("v", kU32, 32, {4}, raw::text("bbz!bbz!bbz!bbz!"),
           {.coded = {{4, Carried{.length = 4}}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_edge_vectors() {
  return {chunk_elements(), empty_tensors_any_order(), unknown_dtypes(), group_apart()};
}

}  // namespace bbz::vectors
