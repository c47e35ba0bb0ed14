// Block types, and tensors of blocks.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

constexpr std::uint32_t kQ4Bits = 18 * 8;

// Blocks that differ from each other.
Buffer varied_blocks(std::size_t bytes) {
  raw::Fields f;
  for (std::size_t i = 0; i < bytes; ++i) f.u8((i * 37 + i / 18) % 251);
  return f;
}

Buffer repeated_text(std::string_view pattern, std::size_t times) {
  raw::Fields f;
  for (std::size_t i = 0; i < times; ++i) f.text(pattern);
  return f;
}

// Matrices of Q4_0: of several rows and chunks, repeated, of every codec for it, and empty; and a
// tensor whose blocks are no longer than an element.
Valid block_archive(const char* name, bool front, bool sha) {
  Maker m(name, front, sha);
  m.begin_file("model.gguf");
  m.bytes("a header");
  m.block_type("Q4_0", 32, {{"d", 16, 1}, {"qs", 0, 16}});
  const Buffer rows = varied_blocks(6 * 2 * 18);
  const std::vector<Coded> same = {{5, {}}, {5, {}}, {5, {}}};
  m.tensor("layers.1.rows", kBlock, kQ4Bits, {6, 2}, rows, {.chunk = 4, .name_layer = 1});
  m.tensor("tied", kBlock, kQ4Bits, {6, 2}, rows, {.coded = same, .chunk = 4});
  m.tensor("part of a row", kBlock, kQ4Bits, {2, 5}, varied_blocks(10 * 18), {.chunk = 3});
  m.tensor("empty", kBlock, kQ4Bits, {0, 2}, {});
  m.tensor("no column", kBlock, kQ4Bits, {2, 0}, {});
  m.tensor("constant", kBlock, kQ4Bits, {3, 2}, repeated_text("0123456789abcdefgh", 6),
           {.coded = {{1, raw::text("0123456789abcdefgh")}}});
  Buffer zeros = repeated_text("z", 72);
  const ZstdFrame frame{.fields = raw::Fields().u8(72)};
  m.tensor("zstd", kBlock, kQ4Bits, {4}, zeros, {.coded = {{2, frame.of(zeros, 72)}}});
  m.metadata(true, "note", "a block type may follow");
  m.block_type("org.example.codes", 4, {{"codes", 48, 4}});
  m.tensor("codes", kBlock, 16, {3, 2}, raw::text("0123456789ab"), {.block_type = 1});
  m.tensor("bias", 18, 32, {2}, raw::text("abcdefgh"));
  m.end_file();
  m.block_type("unused \xC3\xA9", 1, {{"x", 2, 1}});
  return m.finish();
}

// Block types at their bounds, of fields of every kind; tensors with the most values.
Valid block_edges() {
  Maker m("block-type-edges");
  const std::string longest(255, 'n');
  std::vector<raw::BlockField> many;
  for (int i = 0; i < 64; ++i) many.push_back({"f" + std::to_string(i), 0, 1});
  m.block_type("many fields", 1, many);
  m.block_type(longest, 0xFFFFFFFF, {{longest, 0, 1}});
  m.block_type("large", 65536, {{"q", 0, 65536}});
  m.block_type("nibbles", 131072, {{"q", 48, 131072}});
  m.block_type("bits", 524288, {{"q", 100, 524288, 1}});
  m.block_type("not whole alone", 2, {{"a", 40, 1}, {"b", 250, 1, 5}, {"c", 100, 1, 13}});
  m.archive.records.push_back(raw::private_name(2, 101, "org.example.int3"));
  m.block_type("named", 1, {{"q", 101, 8, 3}, {"top", 255, 1, 255}, {"rest", 255, 1, 1}});
  m.begin_file("t.bin");
  m.tensor("many", kBlock, 64 * 8, {1}, repeated_text("m", 64));
  m.tensor("values", kBlock, 8, {0, std::uint64_t{1} << 32}, {}, {.block_type = 1});
  m.tensor("large", kBlock, 65536 * 8, {1}, repeated_text("l", 65536),
           {.coded = {{1, repeated_text("l", 65536)}}, .block_type = 2});
  m.tensor("nibbles", kBlock, 65536 * 8, {2}, repeated_text("n", 131072),
           {.coded = {{1, repeated_text("n", 65536)}}, .block_type = 3});
  m.tensor("not whole alone", kBlock, 24, {2, 1}, raw::text("abcdef"), {.block_type = 5});
  m.tensor("named", kBlock, 35 * 8, {1}, repeated_text("q", 35), {.block_type = 6});
  m.end_file();
  m.tensor("operand", kBlock, 24, {1}, raw::text("abc"), {.operand = true, .block_type = 5});
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_block_vectors() {
  return {block_archive("blocks", false, false), block_archive("blocks-front-sha256", true, true),
          block_edges()};
}

}  // namespace bbz::vectors
