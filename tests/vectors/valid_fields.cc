// Archives whose chunks use every feature of codec fields, put together from the text alone.
#include <stdexcept>

#include "vectors/codec_payloads.h"
#include "vectors/field_payload.h"
#include "vectors/number_chunks.h"

namespace bbz::vectors {
namespace {

const Frequencies kCodes = {120, 50, 30, 20, 10, 8, 4, 4};  // escape 10

// A field with its content.
struct MadeField {
  FieldPart part;
  Buffer content;
};

MadeField raw_field(unsigned size, std::size_t blocks, unsigned first = 'a') {
  Buffer content;
  for (std::size_t i = 0; i < size * blocks; ++i) {
    content.push_back(static_cast<std::byte>(first + i * i % 31));
  }
  return {{size, 0, content}, content};
}
MadeField constant_field(unsigned size, std::size_t blocks, unsigned value = 0x5A) {
  const std::byte byte{static_cast<std::uint8_t>(value)};
  return {{size, 1, Buffer(1, byte)}, Buffer(size * blocks, byte)};
}
MadeField zstd_field(unsigned size, std::size_t blocks) {
  const std::size_t bytes = size * blocks;
  Buffer content(bytes, std::byte{'z'});
  content.back() = std::byte{'!'};
  const ZstdFrame frame{.descriptor = 0xA0, .fields = raw::Fields().u32(bytes)};
  return {{size, 2, frame.of(content, bytes - 1)}, content};
}
MadeField number_field(unsigned size, std::size_t blocks, const NumberPlan& plan) {
  const std::vector<Item> items = draw_items(plan, size * blocks * 8 / plan.element_bits, blocks);
  return {{size, kSplitNumber, encode_number(plan, items).payload()}, compose(plan, items)};
}

NumberPlan scale_plan() {
  return {.kind = kFloat,
          .element_bits = 16,
          .mantissa_bits = 10,
          .tables = {kCodes},
          .base = 15 << 1,
          .width = 1 << 20};
}
NumberPlan code_plan(unsigned bits, std::uint32_t width) {
  return {.element_bits = bits,
          .precision = bits == 4 ? 1u : 63u,
          .lanes_log2 = 4,
          .tables = {kCodes},
          .base = bits == 4 ? 0u : 2u,
          .width = width};
}

struct MadeChunk {
  Buffer plain;
  Coded coded;
};
MadeChunk make_chunk(const std::vector<MadeField>& fields) {
  FieldParts parts;
  std::vector<std::pair<unsigned, Buffer>> contents;
  for (const MadeField& field : fields) {
    parts.fields.push_back(field.part);
    contents.emplace_back(field.part.size, field.content);
  }
  MadeChunk made{interleave(contents), {kFieldsCodec, parts.payload()}};
  if (made.coded.payload.size() >= made.plain.size()) throw std::logic_error("a payload too long");
  return made;
}

void add_fields(Maker& m, const std::string& name, const std::vector<MadeField>& fields,
                ElementType type = {}) {
  const MadeChunk made = make_chunk(fields);
  m.tensor(name, type.dtype, type.bits, {made.plain.size() * 8 / type.bits}, made.plain,
           {.coded = {made.coded}, .chunk = made.plain.size() * 8});
}

// Every codec that a field may have, alone and beside others, and blocks of many sizes.
Valid field_codecs() {
  Maker m("fields-codecs");
  m.begin_file("t.bin");
  add_fields(m, "constant", {constant_field(3, 20)});
  add_fields(m, "zstd", {zstd_field(5, 50)});
  add_fields(m, "split-number", {number_field(2, 300, scale_plan())});
  add_fields(m, "raw and constant", {raw_field(2, 40), constant_field(1, 40)});
  add_fields(m, "constant around zstd",
             {constant_field(1, 30), zstd_field(7, 30), constant_field(2, 30)});
  add_fields(m, "raw last", {zstd_field(20, 9), raw_field(1, 9)});
  add_fields(m, "Q8_0",
             {number_field(2, 60, scale_plan()), number_field(32, 60, code_plan(8, 32))});
  add_fields(m, "Q4_0",
             {number_field(2, 90, scale_plan()), number_field(16, 90, code_plan(4, 320))});
  add_fields(m, "all",
             {raw_field(4, 100), number_field(16, 100, code_plan(4, 64)), constant_field(6, 100),
              zstd_field(2, 100), number_field(8, 100, code_plan(32, 2))});
  std::vector<MadeField> sixteen;
  for (unsigned i = 0; i < 16; ++i) {
    sixteen.push_back(i % 3 == 0 ? raw_field(1 + i, 40, i) : constant_field(1 + i % 4, 40, i));
  }
  add_fields(m, "16 fields", sixteen);
  add_fields(m, "blocks of a byte", {constant_field(1, 50, 0)});
  add_fields(m, "one block", {raw_field(3, 1), constant_field(40, 1)});
  add_fields(m, "the largest block", {constant_field(65534, 2), raw_field(1, 2)});
  m.end_file();
  return m.finish();
}

// The dtype is not needed, and neither is a block type.
Valid field_dtypes() {
  Maker m("fields-dtypes");
  m.begin_file("t.bin");
  m.archive.records.push_back(example_group());
  m.tensor("w", kF16, 16, {6, 3}, example_carrier());
  const std::vector<MadeField> fields = {number_field(2, 60, scale_plan()),
                                         number_field(16, 60, code_plan(4, 32)),
                                         constant_field(6, 60)};
  for (const ElementType type : std::initializer_list<ElementType>{
           {kU8, 8}, {48, 4}, {40, 6}, {kBF16, 16}, {18, 32}, {20, 64}, {250, 12}, {255, 1}}) {
    add_fields(m, "dtype " + std::to_string(type.dtype), fields, type);
  }
  m.block_type("of 24 bytes", 32,
               {{.name = "d", .dtype = kF16, .count = 1},
                {.name = "q", .dtype = 48, .count = 32},
                {.name = "p", .dtype = kU8, .count = 6}});
  const MadeChunk made = make_chunk(fields);
  m.tensor("blocks", kBlock, 192, {60}, made.plain, {.coded = {made.coded}, .block_type = 0});
  // Chunks of their own blocks, of which the last one has fewer.
  const std::vector<MadeField> less = {raw_field(2, 20), constant_field(22, 20)};
  Buffer two = made.plain;
  raw::append(two, make_chunk(less).plain);
  m.tensor("chunks of blocks", kBlock, 192, {80}, two,
           {.coded = {made.coded, make_chunk(less).coded}, .chunk = 60, .block_type = 0});
  // The own payload of a carried chunk.
  const Carried own{.codec = kFieldsCodec, .length = 0, .tail = made.coded.payload};
  m.tensor("carried", kF16, 16, {made.plain.size() / 2}, made.plain,
           {.coded = {{4, own}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_field_vectors() {
  return {field_codecs(), field_dtypes()};
}

}  // namespace bbz::vectors
