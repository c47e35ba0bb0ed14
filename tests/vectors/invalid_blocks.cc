// Block types, and tensors of blocks, that break a rule.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

using raw::BlockField;

const std::vector<BlockField> kThreeBytes = {{"f", 0, 3}};

// A tensor of two blocks of three bytes, with one thing changed.
std::vector<Record> with_blocks(const TensorFields& changed, const std::vector<Record>& before,
                                const raw::ChunkFields& chunk = {}) {
  std::vector<Record> list = before;
  list.push_back(raw::tensor(changed));
  list.push_back(raw::raw_chunk(chunk, raw::text("abcdef")));
  return in_file(list, 1, 6);
}

TensorFields two_blocks() {
  TensorFields t;
  t.dtype = 64;
  t.bits = 24;
  t.stored = t.chunk = 2;
  t.shape = {1, 2};
  t.name = "w";
  return t;
}

void add_block_types(Collector& c) {
  const auto fields = [&](const char* name, const char* rule, const std::vector<BlockField>& list,
                          const char* code = "malformed") {
    c.records(name, rule, {raw::block_type(0, "b", 1, list)}, code);
  };
  const auto named = [&](const char* name, const char* rule, std::string_view text) {
    c.records(name, rule, {raw::block_type(0, text, 1, kThreeBytes)}, "malformed");
  };
  const std::string longest(256, 'n');
  named("block-type-no-name", "the name of a block type has 1 to 255 bytes", "");
  named("block-type-name-256", "the name of a block type has 1 to 255 bytes", longest);
  named("block-type-name-not-utf8", "a name is UTF-8", "\xFF");
  c.records("block-type-no-values", "a block holds values",
            {raw::block_type(0, "b", 0, kThreeBytes)}, "malformed");
  c.records("block-type-33-bits", "a block holds values of 32 bits",
            {raw::block_type(0, "b", std::uint64_t{1} << 32, kThreeBytes)}, "malformed");
  c.records("block-type-number", "block types count from 0",
            {raw::block_type(1, "b", 1, kThreeBytes)}, "malformed");
  c.records("block-type-twice", "block types have different names",
            {raw::block_type(0, "b", 1, kThreeBytes), raw::block_type(1, "b", 1, kThreeBytes)},
            "malformed");
  std::vector<Record> many;
  for (std::uint32_t i = 0; i < 1025; ++i) {
    many.push_back(raw::block_type(i, std::to_string(i), 1, {{"f", 0, 1}}));
  }
  c.records("block-types-1025", "there are at most 1,024 block types", many, "limit");
  Record longer = raw::block_type(0, "b", 1, kThreeBytes);
  longer.meta.push_back(std::byte{0});
  c.records("block-type-left-over", "a meta is consumed exactly", {longer}, "malformed");
  Record shorter = raw::block_type(0, "b", 1, kThreeBytes);
  shorter.meta.pop_back();
  c.records("block-type-cut", "a meta has all of its fields", {shorter}, "malformed");
  Record skippable = raw::block_type(0, "b", 1, kThreeBytes);
  skippable.flags |= raw::kSkippable;
  c.records("block-type-skippable", "a block type is not skippable", {skippable}, "malformed");
  c.records("block-type-within-tensor", "chunks follow their tensor",
            in_file({raw::tensor({.stored = 2, .chunk = 1, .shape = {2}, .name = "t"}),
                     raw::raw_chunk({}, raw::text("a")), raw::block_type(0, "b", 1, kThreeBytes),
                     raw::raw_chunk({.number = 1}, raw::text("b"))},
                    1, 2),
            "malformed");

  fields("block-type-no-fields", "a block has fields", {});
  std::vector<BlockField> fields65;
  for (int i = 0; i < 65; ++i) fields65.push_back({"f" + std::to_string(i), 0, 1});
  fields("block-type-65-fields", "a block has at most 64 fields", fields65, "limit");
  fields("block-field-no-name", "the name of a field has 1 to 255 bytes", {{"", 0, 1}});
  fields("block-field-name-256", "the name of a field has 1 to 255 bytes", {{longest, 0, 1}});
  fields("block-field-name-not-utf8", "a name is UTF-8", {{"\xFF", 0, 1}});
  fields("block-field-twice", "fields have different names", {{"f", 0, 1}, {"f", 2, 1}});
  fields("block-field-twice-and-524289", "a name is checked before the elements",
         {{"f", 0, 1}, {"f", 0, 524289}});
  fields("block-field-of-blocks", "a field is not of blocks", {{"f", 64, 1}});
  fields("block-field-no-bits", "an element has bits", {{"f", 0, 1}, {"g", 100, 8, 0}});
  fields("block-field-bits-not-stated", "an unlisted dtype states its bits", {{"f", 100, 8}});
  fields("block-field-bits-stated", "a listed dtype does not state its bits", {{"f", 2, 1, 8}});
  fields("block-field-no-elements", "a field has elements", {{"f", 0, 1}, {"g", 0, 0}});
  fields("block-field-524289", "a field has at most 524,288 elements", {{"f", 100, 524289, 1}},
         "limit");
  fields("block-field-overflow", "a field has at most 524,288 elements", {{"f", 0, kMax}}, "limit");
  fields("block-type-half-byte", "a block has whole bytes", {{"f", 0, 1}, {"g", 48, 1}});
  fields("block-type-65537", "a block has at most 65,536 bytes", {{"f", 0, 65536}, {"g", 0, 1}},
         "limit");
  c.records("private-name-after-block-type", "a private name precedes the use of the number",
            {raw::block_type(0, "b", 1, {{"f", 96, 1, 8}}), raw::private_name(2, 96, "a-b")},
            "malformed");
}

void add_block_tensors(Collector& c) {
  const Record three = raw::block_type(0, "three", 4, kThreeBytes);
  const auto tensor = [&](const char* name, const char* rule, const auto& change) {
    TensorFields t = two_blocks();
    change(t);
    c.records(name, rule, with_blocks(t, {three}), "malformed");
  };
  c.records("block-type-missing", "a block type precedes its tensor", with_blocks(two_blocks(), {}),
            "malformed");
  c.records(
      "block-type-after", "a block type precedes its tensor",
      [&] {
        std::vector<Record> list = with_blocks(two_blocks(), {});
        list.insert(list.end() - 1, three);
        return list;
      }(),
      "malformed");
  tensor("block-type-beyond", "a block type precedes its tensor",
         [](TensorFields& t) { t.block_type = 1; });
  tensor("block-bytes-other", "the block bytes are those of the block type", [](TensorFields& t) {
    t.bits = 16, t.shape = {1, 3}, t.stored = t.chunk = 3;
  });
  tensor("block-bytes-0", "a block has bytes", [](TensorFields& t) { t.bits = 0; });
  c.records("block-bytes-65537", "a block has at most 65,536 bytes",
            {raw::block_type(0, "b", 1, {{"f", 0, 1}}), raw::file(0, "f"),
             raw::tensor({.dtype = 64, .bits = 65537 * 8, .shape = {0}, .name = "w"}),
             raw::file_end(0, 1, 0)},
            "malformed");
  TensorFields scalar = two_blocks();
  scalar.bits = 48;
  scalar.shape = {};
  scalar.stored = scalar.chunk = 1;
  c.records("block-scalar", "a tensor of blocks has an axis",
            with_blocks(scalar, {raw::block_type(0, "six", 1, {{"f", 0, 6}})}), "malformed");
  tensor("block-not-stated", "a tensor of blocks states what they are",
         [](TensorFields& t) { t.says_more = 1; });
  const auto most = [&](const char* name, const std::vector<std::uint64_t>& shape) {
    c.records(name, "the number of values fits in 64 bits",
              {raw::block_type(0, "b", 0x80000000, {{"f", 0, 1}}), raw::file(0, "f"),
               raw::tensor({.dtype = 64, .bits = 8, .shape = shape, .name = "w"}),
               raw::file_end(0, 1, 0)},
              "malformed");
  };
  most("block-values-innermost", {0, std::uint64_t{1} << 33});
  // Their product needs so many elements that they are in chunks, which are only declared.
  constexpr std::uint64_t kHalf = (std::uint64_t{1} << 31) + 1;
  constexpr std::uint64_t kChunk = std::uint64_t{1} << 26;
  std::vector<Record> product = {raw::block_type(0, "b", 0xFFFFFFFF, {{"f", 0, 1}}),
                                 raw::file(0, "f"),
                                 raw::tensor({.dtype = 64,
                                              .bits = 8,
                                              .stored = 2 * kHalf,
                                              .chunk = kChunk,
                                              .shape = {2, kHalf},
                                              .name = "w"})};
  for (std::uint32_t number = 0; number * kChunk < 2 * kHalf; ++number) {
    product.push_back(raw::chunk({.number = number, .codec = 1}, {}, raw::text("x")));
  }
  product.push_back(raw::file_end(0, 1, 2 * kHalf));
  c.records("block-values-product", "the number of values fits in 64 bits", product, "malformed");
  c.records("block-values-before-zero", "the number of values fits in 64 bits",
            {raw::block_type(0, "b", 2, {{"f", 0, 1}}), raw::file(0, "f"),
             raw::tensor({.dtype = 64, .bits = 8, .shape = {0, kMax}, .name = "w"}),
             raw::file_end(0, 1, 0)},
            "malformed");
  const auto decoded = [&](const char* name, const char* rule, const std::vector<Record>& list) {
    Archive archive;
    archive.records = raw::join(list);
    c.add_payload(name, rule, archive.bytes(), "ok", "malformed");
  };
  decoded("block-split-float", "blocks have no exponents",
          with_blocks(two_blocks(), {three}, {.codec = 3}));
  TensorFields lower = two_blocks();
  lower.form = 1;
  lower.shape = {2, 1};
  decoded("block-lower", "forms 1 to 4 are not for blocks", with_blocks(lower, {three}));
  TensorFields rider = two_blocks();
  rider.form = 3;
  rider.group = 0;
  const Buffer group = raw::Fields().u32(4).u16(1).u16(0);
  decoded("block-rider", "forms 1 to 4 are not for blocks",
          with_blocks(rider, {three, raw::group(0, 3, group)}));
  // The dtype is also none that form 2 knows, which is looked at later.
  const Buffer polar = raw::Fields().u32(0).u32(0).u64(0);
  decoded(
      "block-polar", "forms 1 to 4 are not for blocks",
      in_file({three, raw::group(0, 2, polar),
               raw::tensor(
                   {.dtype = 64, .bits = 24, .form = 2, .group = 0, .shape = {1, 2}, .name = "w"})},
              1, 6));
  std::vector<Record> viewed = with_blocks(two_blocks(), {three});
  viewed.insert(viewed.end() - 1, raw::tensor({.number = 1,
                                               .file = kNone,
                                               .dtype = 64,
                                               .bits = 24,
                                               .form = 4,
                                               .shape = {2},
                                               .name = "v",
                                               .form_fields = raw::view_fields(1, 0, {1})}));
  decoded("block-view", "forms 1 to 4 are not for blocks", viewed);
}

}  // namespace

void add_block_vectors(Collector& c) {
  add_block_types(c);
  add_block_tensors(c);
}

}  // namespace bbz::vectors
