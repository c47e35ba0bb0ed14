// What the record of a tensor states, and what follows from its name and from the records before it.
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

// The same small tensors in two files, whose places are stated or not.
Valid places(const char* name, bool stated) {
  Maker m(name);
  m.tensor("operand", kU16, 16, {2}, raw::text("oper"), {.placed = stated, .operand = true});
  m.begin_file("a.bin");
  m.bytes("head", stated);
  m.tensor("t", kU16, 16, {2}, raw::text("0123"), {.placed = stated});
  m.tensor("empty", kU16, 16, {0}, {}, {.placed = stated});
  m.tensor("within", kU8, 8, {}, raw::text("!"), {.placed = stated, .operand = true});
  m.metadata(true, "between", "tensors");
  m.tensor("u", kU8, 8, {5}, raw::text("45678"), {.chunk = 2, .placed = stated});
  m.tensor("scalar", kU8, 8, {}, raw::text("9"), {.placed = stated});
  m.bytes("tail", stated);
  m.end_file();
  m.directory("directory");
  m.tensor("between", kU8, 8, {1}, raw::text("?"), {.placed = stated, .operand = true});
  m.begin_file("b.bin");
  m.tensor("t", kU16, 16, {2}, raw::text("abcd"), {.placed = stated});
  m.tensor("v", 250, 4, {2}, raw::text("e"), {.placed = stated});
  m.end_file();
  return m.finish();
}

// Tensors that follow those that were moved, and a tensor that is back where it belongs.
Valid moved() {
  Maker m("places-moved");
  m.begin_file("t.bin");
  m.tensor("e", kU8, 8, {2}, raw::text("89"), {.at = 8});
  m.tensor("f", kU8, 8, {2}, raw::text("ab"), {.placed = false});
  m.tensor("operand", kU8, 8, {3}, raw::text("ope"), {.placed = false, .operand = true});
  m.tensor("a", kU8, 8, {3}, raw::text("012"), {.at = 0});
  m.tensor("b", kU8, 8, {1}, raw::text("3"), {.placed = true});
  m.tensor("none", kU8, 8, {0}, {}, {.placed = false});
  m.tensor("c", kU8, 8, {4}, raw::text("4567"), {.chunk = 3, .placed = false});
  m.end_file();
  m.begin_file("u.bin");
  m.tensor("a", kU8, 8, {1}, raw::text("?"), {.placed = false});
  m.end_file();
  return m.finish();
}

// A rank of 7 and more has a field of its own.
Valid ranks() {
  Maker m("ranks");
  m.begin_file("t.bin");
  for (const std::size_t rank : {0, 1, 5, 6, 7, 8, 63, 64}) {
    std::vector<std::uint64_t> shape(rank, 1);
    if (rank > 1) shape[rank / 2] = 3;
    m.tensor("rank " + std::to_string(rank), kU8, 8, shape, raw::text(rank > 1 ? "abc" : "a"));
  }
  m.tensor("codec and rank", kU8, 8, std::vector<std::uint64_t>(9, 1), raw::text("a"),
           {.coded = {{99, raw::text("?")}}, .fails = "unsupported"});
  m.tensor("no elements", kU8, 8, {3, 2, 1, 0, 1, 2, 3}, {});
  m.end_file();
  return m.finish();
}

Valid layers(bool sha) {
  Maker m(sha ? "layers-sha256" : "layers", false, sha);
  m.begin_file("t.bin");
  char content = 'a';
  const auto add = [&](const char* name, const Maker::Options& options) {
    const Buffer plain = raw::text(std::string_view(&content, 1));
    m.tensor(name, kU8, 8, {1}, plain, options);
    ++content;
  };
  add("model.layers.3.w", {.name_layer = 3});
  add("blocks/12/w", {.name_layer = 12});
  add("h_7.w", {.name_layer = 7});
  add("resblocks.05.w", {.name_layer = 5});
  add("blk.1.layer.2.w", {.name_layer = 1});
  add("transformer_blocks.4294967294", {.name_layer = 4294967294});
  add("layers.4294967295.w", {});
  add("layers.w", {});
  add("layers", {});
  add("sublayers.3.w", {});
  add("layers.3a.w", {});
  add("layers_.w", {});
  add("layers..3", {});
  add("Layers.3", {});
  add("", {});
  add("stated", {.layer = 0});
  add("layers.3.v", {.layer = 200});
  add("most", {.layer = 4294967294});
  m.tensor("chunks", kU8, 8, {3}, raw::text("012"), {.chunk = 2, .layer = 127});
  m.tensor("empty", kU8, 8, {0}, {}, {.layer = 128});
  m.tensor("operand", kU8, 8, {1}, raw::text("?"), {.layer = 1, .operand = true});
  m.tensor("h.2.factor", kU8, 8, {1}, raw::text("?"), {.name_layer = 2, .operand = true});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_place_vectors() {
  return {places("places-implied", false),
          places("places-stated", true),
          moved(),
          ranks(),
          layers(false),
          layers(true)};
}

}  // namespace bbz::vectors
