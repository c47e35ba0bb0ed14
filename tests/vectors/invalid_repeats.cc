// Chunks that repeat none, or must not.
#include "vectors/codec_payloads.h"
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

const Buffer kText = raw::text("abcd");

// A tensor of four bytes by itself.
struct Part {
  TensorFields fields{.stored = 4, .chunk = 4, .shape = {4}, .name = "t"};
  Bytes plain = kText;
  std::uint8_t codec = 0;
  Buffer payload{};
};

// A file of these tensors, which are coded as they say.
Archive archive_of(const std::vector<Part>& parts, bool sha = false) {
  constexpr std::string_view kNames = "abcdefg";
  Archive archive;
  archive.header.digest_kind = sha ? 2 : 1;
  std::uint32_t number = 0;
  std::uint32_t in_it = 0;
  std::uint64_t size = 0;
  std::vector<Record> list;
  for (const Part& part : parts) {
    TensorFields fields = part.fields;
    fields.number = number;
    fields.name = kNames.substr(number, 1);
    if (fields.file != kNone) {
      fields.offset = size;
      std::uint64_t elements = 1;
      for (const std::uint64_t extent : fields.shape) elements *= extent;
      size += elements * fields.bits / 8;
      ++in_it;
    }
    list.push_back(raw::tensor(fields));
    const Bytes payload = part.codec == 0 ? part.plain : Bytes(part.payload);
    list.push_back(raw::chunk({.tensor = number++, .codec = part.codec}, part.plain, payload, sha));
  }
  archive.records = in_file(std::move(list), in_it, size);
  return archive;
}

void refused(Collector& c, const char* name, const char* rule, const std::vector<Part>& parts) {
  c.add(name, rule, archive_of(parts).bytes(), "malformed");
}

// What the chunk that is repeated must be.
void repeated(Collector& c) {
  const char* rule = "codec same repeats a chunk before it";
  const Part same{.codec = 5};
  const Part stored{};
  refused(c, "same-of-none", rule, {same});
  refused(c, "same-of-later", rule, {same, stored});
  refused(c, "same-of-other-bytes", rule, {{.plain = raw::text("abce")}, same});
  Part other = stored;
  other.fields.dtype = 3;
  refused(c, "same-of-other-dtype", rule, {other, same});
  other = {.fields = {.stored = 4, .chunk = 4, .shape = {2, 2}}};
  refused(c, "same-of-other-row", rule, {other, same});
  other = {.fields = {.dtype = kU16, .bits = 16, .stored = 2, .chunk = 2, .shape = {2}}};
  refused(c, "same-of-other-count", rule, {other, same});
  other = {.fields = {.dtype = 250, .bits = 4, .stored = 8, .chunk = 8, .shape = {8}}};
  Part bits = same;
  bits.fields = {.dtype = 250, .bits = 8, .stored = 4, .chunk = 4, .shape = {4}};
  refused(c, "same-of-other-bits", rule, {other, bits});
  other = stored;
  other.fields.file = kNone;
  refused(c, "same-of-operand", rule, {other, same});
  other = {.fields = {.form = 1, .stored = 4, .chunk = 4, .shape = {4, 1}}};
  refused(c, "same-of-lower", rule, {other, same});
  other = {.fields = {.form = 8, .stored = 4, .chunk = 4, .shape = {4}}};
  refused(c, "same-of-unknown-form", rule, {other, same});
}

// What a chunk that repeats another must be.
void repeating(Collector& c) {
  const Part stored{};
  Part same{.codec = 5, .payload = raw::text("!")};
  refused(c, "same-with-payload", "codec same has no payload", {stored, same});
  same = {.codec = 5};
  same.fields.file = kNone;
  refused(c, "same-in-operand", "codec same is for tensors of a file", {stored, same});
  const Part column{.fields = {.stored = 4, .chunk = 4, .shape = {4, 1}}};
  same = {.fields = {.form = 1, .stored = 4, .chunk = 4, .shape = {4, 1}}, .codec = 5};
  refused(c, "same-in-lower", "codec same is for dense tensors", {column, same});
}

// A digest is compared with that of the chunk that is repeated.
void digest(Collector& c) {
  Archive archive = archive_of({{}, {.codec = 5}}, true);
  for (Record& record : archive.records) {
    if (record.type == 3 && record.payload.empty()) record.meta.back() ^= std::byte{1};
  }
  c.add("same-of-other-digest", "the decoded digests are the same", archive.bytes(), "malformed");
}

void payload_check(Collector& c) {
  Archive archive = archive_of({{}, {.codec = 5}});
  for (Record& record : archive.records) {
    if (record.type == 3 && record.payload.empty()) record.says_payload_check = 1;
  }
  c.add_payload("same-payload-check", "an empty payload has its payload check", archive.bytes(),
                "checksum", "checksum");
}

// A carrier must not repeat another tensor.
void carrier(Collector& c) {
  const Buffer bytes = example_carrier();
  const Buffer plain = raw::text(std::string(40, '!'));
  const TensorFields matrix{
      .dtype = 16, .bits = 16, .stored = 18, .chunk = 18, .shape = {6, 3}, .name = "a"};
  TensorFields again = matrix;
  again.number = 1;
  again.offset = 36;
  again.name = "b";
  Archive archive;
  archive.records = in_file({raw::tensor(matrix), raw::raw_chunk({}, bytes), example_group(),
                             raw::tensor(again), raw::chunk({.tensor = 1, .codec = 5}, bytes, {}),
                             raw::tensor({.number = 2,
                                          .offset = 72,
                                          .dtype = 16,
                                          .bits = 16,
                                          .form = 3,
                                          .group = 0,
                                          .stored = 20,
                                          .chunk = 20,
                                          .shape = {20, 1},
                                          .name = "v"}),
                             raw::chunk({.tensor = 2, .codec = 4}, plain,
                                        Buffer(Carried{.length = 0, .tail = raw::text("!!")}))},
                            3, 112);
  c.add_payload("same-in-carrier", "a carrier repeats no other tensor", archive.bytes(), "ok",
                "malformed");
}

}  // namespace

void add_repeat_vectors(Collector& c) {
  repeated(c);
  repeating(c);
  digest(c);
  payload_check(c);
  carrier(c);
}

}  // namespace bbz::vectors
