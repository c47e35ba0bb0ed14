// Records of tensors that break one rule each.
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

constexpr std::uint64_t k32 = std::uint64_t{1} << 32;

// A tensor record of these fields, and of this payload if it has one. Neither file nor chunks need
// to fit: what is wrong is found before.
class Tensors {
 public:
  explicit Tensors(Collector& c) : c_(c) {}

  void empty(const char* name, const char* rule, const TensorFields& t,
             const char* code = "malformed") {
    c_.records(name, rule, in_file({raw::tensor(t)}, 1, 0), code);
  }
  void full(const char* name, const char* rule, const TensorFields& t,
            const char* code = "malformed", std::uint64_t size = 1) {
    c_.records(name, rule, in_file({raw::tensor(t), raw::raw_chunk({}, raw::text("x"))}, 1, size),
               code);
  }
  // Of a tensor of one byte, with the bits of *first* and the fields that follow.
  void bits(const char* name, const char* rule, unsigned first, const raw::Fields& rest,
            const char* code = "malformed") {
    const Buffer payload = raw::text("x");
    Record record{3, raw::kPayload, raw::Fields().u8(first).bytes(rest.get()), payload};
    raw::append(record.meta, raw::check_of(payload, false));
    c_.records(name, rule, in_file({record}, 1, 1), code);
  }

 private:
  Collector& c_;
};

// Each field and bit is there if and only if it is needed.
void presence(Collector& c) {
  Tensors t(c);
  const auto u8 = [] { return raw::Fields().u8(kU8); };
  const raw::Fields vector = u8().var(1).var(1).text("t");  // dtype, extent, name
  t.bits("tensor-more-zero", "more has a bit that is set", 0x30,
         raw::Fields().u8(0).bytes(vector.get()));
  t.bits("tensor-more-bit-6", "reserved bits are zero", 0x30,
         raw::Fields().u8(0x40).bytes(vector.get()), "unsupported");
  t.bits("tensor-more-bit-7", "reserved bits are zero", 0x30,
         raw::Fields().u8(0x80).bytes(vector.get()), "unsupported");
  t.bits("tensor-codec-field", "a codec below 7 is in the first byte", 0x27,
         raw::Fields().u8(0).bytes(vector.get()));
  t.bits("tensor-codec-field-6", "a codec below 7 is in the first byte", 0x27,
         raw::Fields().u8(6).bytes(vector.get()));
  t.bits("tensor-codec-field-missing", "a codec of 7 and more has a field", 0x27, vector);
  t.bits("tensor-rank-field", "a rank below 7 is in the first byte", 0xE0,
         u8().var(1).var(1).var(1).text("t"));
  t.bits("tensor-rank-field-6", "a rank below 7 is in the first byte", 0xE0,
         u8().var(6).var(1).var(1).var(1).var(1).var(1).var(1).var(1).text("t"));
  t.bits("tensor-rank-field-longer", "a number takes as few bytes as it needs", 0xE0,
         u8().u8(0x87).u8(0).var(1).var(1).var(1).var(1).var(1).var(1).var(1).var(1).text("t"));
  t.bits("tensor-extent-missing", "there is an extent for each axis", 0x40, vector);
  t.bits("tensor-name-cut", "a name is as long as it says", 0x20, u8().var(1).var(9).text("t"));
  t.bits("tensor-bytes-dtype", "bytes have no dtype", 0x28, u8().var(1));
  t.bits("tensor-bytes-named", "bytes have no name", 0x28, raw::Fields().var(1).var(1).text("t"));
  t.bits("tensor-check-cut", "a tensor with a payload has the check of its first chunk", 0x28,
         raw::Fields());
  t.bits("tensor-left-over", "a meta is taken exactly", 0x28, raw::Fields().var(1).u8(0));

  const auto no_payload = [&](const char* name, const char* rule, const raw::Fields& meta) {
    c.records(name, rule, in_file({Record{3, 0, meta, {}}}, 1, 0), "malformed");
  };
  const raw::Fields none = u8().var(0).var(1).text("t");
  no_payload("tensor-codec-without-payload", "without a payload, there is no codec",
             raw::Fields().u8(0x22).bytes(none.get()));
  no_payload("tensor-codec-field-without-payload", "without a payload, there is no codec",
             raw::Fields().u8(0x27).u8(7).bytes(none.get()));
  no_payload("tensor-check-without-payload", "without a payload, there is no check",
             raw::Fields().u8(0x20).bytes(none.get()).u64(xxh3_64({})));
  no_payload("tensor-payload-missing", "a tensor that stores elements has a payload",
             raw::Fields().u8(0x20).bytes(vector.get()));
  c.records("tensor-payload-without-elements", "a tensor without stored elements has no payload",
            in_file({raw::tensor({.shape = {0}}), raw::raw_chunk({}, {})}, 1, 0), "malformed");
}

void dtypes(Collector& c) {
  Tensors t(c);
  t.full("tensor-element-bits-listed", "a listed dtype states no element bits",
         {.stored = 1, .shape = {1}, .says_more = 1 | 16});
  t.empty("tensor-element-bits-listed-empty", "a listed dtype states no element bits",
          {.bits = 16, .shape = {0}, .says_more = 1 | 16});
  t.full("tensor-element-bits-missing", "an unlisted dtype states its element bits",
         {.dtype = 250, .stored = 1, .shape = {1}, .says_more = 1});
  t.empty("tensor-no-bits", "element bits are not 0", {.dtype = 250, .bits = 0, .shape = {0}});
  t.full("tensor-bytes-element-bits", "bytes are of a listed dtype",
         {.kind = 0, .stored = 1, .shape = {1}, .says_more = 1 | 16});
  t.empty("tensor-bytes-rank", "bytes have one axis", {.kind = 0, .shape = {1, 0}});
  t.full("tensor-bytes-rank-0", "bytes have one axis", {.kind = 0, .stored = 1, .shape = {}});
  t.full("tensor-part-bytes", "a tensor fills whole bytes",
         {.dtype = 48, .bits = 4, .stored = 1, .chunk = 2, .shape = {1}});
  t.full("tensor-chunk-part-bytes", "chunks fill whole bytes",
         {.dtype = 48, .bits = 4, .stored = 2, .chunk = 1, .shape = {2}});
  t.full("tensor-stored-part-bytes", "stored elements fill whole bytes",
         {.dtype = 48, .bits = 4, .form = 200, .stored = 1, .chunk = 2, .shape = {2}});
}

// What a record that states its place says of it, and what follows if it does not.
void places(Collector& c) {
  Tensors t(c);
  t.empty("tensor-number", "tensors count from 0", {.number = 1, .shape = {0}});
  t.empty("tensor-file", "a tensor lies in the open file", {.file = 1, .shape = {0}});
  t.empty("tensor-file-none", "only an operand lies in no file",
          {.file = kNone, .shape = {0}, .says_more = 1});
  const char* rule = "a tensor is moved exactly if it lies elsewhere than is implied";
  const Buffer data = raw::text("01234567");
  // Two halves of a file, which lies as they say.
  const auto halves = [&](const char* name, std::uint64_t first, bool moved,
                          const TensorFields& second) {
    c.records(
        name, rule,
        {raw::file(0, "f"),
         raw::tensor(
             {.offset = first, .stored = 4, .chunk = 4, .shape = {4}, .name = "t", .moved = moved}),
         raw::raw_chunk({}, Bytes(data).subspan(first, 4)), raw::tensor(second),
         raw::raw_chunk({.tensor = 1}, Bytes(data).subspan(4 - first, 4)),
         raw::file_end(0, 2, 8, {}, first == 0)},
        "malformed");
  };
  const auto second = [](std::uint64_t offset, bool moved) {
    return TensorFields{.number = 1,
                        .offset = offset,
                        .stored = 4,
                        .chunk = 4,
                        .shape = {4},
                        .name = "u",
                        .moved = moved};
  };
  halves("tensor-moved-first-missing", 4, false, second(0, true));
  halves("tensor-moved-missing", 4, true, second(0, false));
  halves("tensor-moved-first-without-need", 0, true, second(4, false));
  halves("tensor-moved-without-need", 0, false, second(4, true));
  TensorFields implied = second(4, false);
  implied.says_more = 32;
  halves("tensor-moved-not-placed", 0, false, implied);
  // The one before it is in the archive, but not in the file.
  c.records("tensor-moved-after-file", rule,
            {raw::file(0, "f"), raw::tensor({.stored = 1, .shape = {1}, .name = "t"}),
             raw::raw_chunk({}, Bytes(data).first(1)), raw::file_end(0, 1, 1), raw::file(1, "g"),
             raw::tensor({.number = 1, .file = 1, .shape = {0}, .name = "t", .moved = true}),
             raw::file_end(1, 1, 0)},
            "malformed");
  c.records("tensor-moved-operand", "an operand is not moved",
            {raw::tensor({.file = kNone, .shape = {0}, .name = "t", .moved = true})}, "malformed");
  c.records("operand-number", "tensors count from 0",
            {raw::tensor({.number = 1, .file = kNone, .shape = {0}})}, "malformed");
  const raw::Fields offset = raw::Fields().u8(0x30).u8(1 | 8).u8(kU8).var(0).var(0).var(0);
  c.records("operand-offset", "an operand states its number, and neither file nor offset",
            {Record{3, 0, raw::Fields(offset).var(0).var(1).text("t"), {}}}, "malformed");
  c.records("operand-bytes", "an operand is of kind tensor",
            {raw::tensor({.file = kNone, .kind = 0, .shape = {0}})}, "malformed");
  c.records("operand-bytes-not-placed", "an operand is of kind tensor",
            {raw::tensor({.file = kNone, .kind = 0, .shape = {0}, .placed = false})}, "malformed");
  for (const bool placed : {false, true}) {
    const TensorFields fields{.shape = {0}, .placed = placed};
    c.records(placed ? "tensor-in-directory" : "tensor-in-directory-not-placed",
              "a directory has no tensors",
              {raw::file(0, "f", 1), raw::tensor(fields), raw::file_end(0, 1, 0)}, "malformed");
    c.records(placed ? "tensor-outside-file" : "tensor-outside-file-not-placed",
              "a tensor lies in the open file", {raw::tensor(fields)}, "malformed");
  }
  c.records("tensor-after-file", "a tensor lies in the open file",
            {raw::file(0, "f"), raw::file_end(0, 0, 0), raw::tensor({.shape = {0}})}, "malformed");
}

void sizes(Collector& c) {
  Tensors t(c);
  t.empty("tensor-shape-overflow", "the element count is within 64 bits", {.shape = {k32, k32, 0}});
  t.full("tensor-size-overflow", "the size is within 64 bits",
         {.stored = kMax, .chunk = 1 << 20, .shape = {kMax}});
  t.full("tensor-end-overflow", "the end is within 64 bits",
         {.offset = kMax, .stored = 1, .shape = {1}, .moved = true});
  const char* chunked = "chunk elements are at least 1, and fewer than the stored elements";
  t.full("tensor-chunk-zero", chunked, {.stored = 1, .chunk = 0, .shape = {1}});
  t.full("tensor-one-chunk", chunked, {.stored = 1, .chunk = 1, .shape = {1}, .says_more = 1 | 2});
  t.full("tensor-part-of-a-chunk", chunked,
         {.stored = 1, .chunk = 2, .shape = {1}, .says_more = 1 | 2});
  t.empty("tensor-chunks-of-none", chunked, {.chunk = 1, .shape = {0}, .says_more = 1 | 2});
  t.full("tensor-chunk-limit", "a chunk is within the limit",
         {.stored = k32, .chunk = (64 << 20) + 1, .shape = {k32}}, "limit");
  t.full("tensor-only-chunk-limit", "a chunk is within the limit",
         {.stored = (64 << 20) + 1, .chunk = k32, .shape = {(64 << 20) + 1}}, "limit");
  t.full("tensor-chunks-limit", "the number of chunks is within the limit",
         {.stored = k32, .chunk = 1, .shape = {k32}}, "limit");
  t.full("tensor-unpacked-limit", "the unpacked size is within the limit",
         {.offset = std::uint64_t{1} << 50, .stored = 1, .shape = {1}, .moved = true}, "limit");
  const std::string long_name(4097, 'n');
  t.empty("tensor-name-limit", "a name is within the limit", {.shape = {0}, .name = long_name},
          "limit");
  t.empty("tensor-name-limit-file", "the name is checked before the place",
          {.file = kNone, .shape = {0}, .name = long_name, .says_more = 1}, "limit");
  t.empty("tensor-name-limit-group", "the name is checked before the group",
          {.file = kNone, .form = 2, .group = kNone - 1, .shape = {0}, .name = long_name}, "limit");
  t.empty("tensor-rank-limit-form", "the rank is checked before the fields of a form",
          {.form = 1, .group = 0, .shape = std::vector<std::uint64_t>(65, 0)}, "limit");
  t.empty("tensor-name-not-utf8", "a name is UTF-8", {.shape = {0}, .name = "\xF5"});
  const TensorFields deep{.shape = std::vector<std::uint64_t>(65, 0)};
  t.empty("tensor-rank-limit", "the rank is within the limit", deep, "limit");
  c.records("tensor-name-twice", "names are unique in a file",
            in_file({raw::tensor({.shape = {0}, .name = "t"}),
                     raw::tensor({.number = 1, .shape = {0}, .name = "t"})},
                    2, 0),
            "malformed");
  c.records("operand-twice", "names of operands are unique",
            {raw::tensor({.file = kNone, .shape = {0}, .name = "t"}),
             raw::tensor({.number = 1, .file = kNone, .shape = {0}, .name = "t"})},
            "malformed");
}

// The fields of forms. What a form means shows when a tensor is decoded: add_symmetry_vectors().
void forms(Collector& c) {
  const auto form = [&](const char* name, const char* rule, unsigned number, std::uint64_t stored,
                        const raw::Fields& length_and_fields) {
    raw::Fields meta;
    meta.u8(0x50).u8(4).u8(kF16).u8(number).var(stored).bytes(length_and_fields.get());
    meta.var(1).var(1).var(1).text("t");  // shape and name
    std::vector<Record> list = {raw::group(0, 9, raw::text("a method of the future")),
                                Record{3, 0, meta, {}}};
    if (stored != 0) list.push_back(raw::raw_chunk({}, words(stored, 0x3C00)));
    c.records(name, rule, in_file(list, 1, 2), "malformed");
  };
  const auto fields = [](const raw::Fields& of) {
    return raw::Fields().var(of.get().size()).bytes(of.get());
  };
  const raw::Fields none = fields({});
  const raw::Fields group = fields(raw::Fields().var(0));
  form("form-dense", "a form that is stated is not dense", 0, 1, none);
  form("lower-group", "a lower tensor has no group", 1, 1, group);
  form("polar-group-missing", "a polar tensor has a group", 2, 0, none);
  form("rider-group-missing", "a rider has a group", 3, 1, none);
  form("pivot-axis-missing", "a pivot tensor has an axis", 5, 1, none);
  form("form-fields-left-over", "the fields of a form fill their length", 3, 1,
       fields(raw::Fields().var(0).u8(0)));
  form("form-fields-beyond", "the fields of a form are within the meta", 200, 1,
       raw::Fields().var(kMax));
  form("form-group-33-bits", "a number is within 32 bits", 3, 1,
       fields(raw::Fields().var(std::uint64_t{1} << 32)));
  form("form-group-none", "a group stands before its tensor", 3, 1,
       fields(raw::Fields().var(kNone)));
  form("form-group-later", "a group stands before its tensor", 3, 1, fields(raw::Fields().var(1)));
  Tensors t(c);
  t.empty("tensor-group-unknown", "a group stands before its tensor",
          {.form = 3, .group = 0, .shape = {0}});
  t.empty("form-payload-missing", "a tensor that stores elements has a payload",
          {.form = 1, .stored = 1, .chunk = 1, .shape = {1, 1}});
  t.full("form-payload-without-elements", "a tensor without stored elements has no payload",
         {.form = 200, .stored = 0, .shape = {1}});
}

}  // namespace

void add_tensor_vectors(Collector& c) {
  presence(c);
  dtypes(c);
  places(c);
  sizes(c);
  forms(c);
}

}  // namespace bbz::vectors
