// Payloads of codec fields that break one rule each.
#include "vectors/codec_payloads.h"
#include "vectors/collector.h"
#include "vectors/field_payload.h"
#include "vectors/number_chunks.h"

namespace bbz::vectors {
namespace {

constexpr std::size_t kBlocks = 40;

// Blocks of 2 bytes as they are, 3 equal ones and 7 of zstd.
struct FieldSample {
  std::vector<std::pair<unsigned, Buffer>> contents;
  FieldParts parts;
};
FieldSample field_sample() {
  Buffer first;
  for (std::size_t i = 0; i < 2 * kBlocks; ++i) first.push_back(static_cast<std::byte>(i * i % 41));
  Buffer third(7 * kBlocks, std::byte{'z'});
  third.back() = std::byte{'!'};
  const ZstdFrame frame{.descriptor = 0xA0, .fields = raw::Fields().u32(third.size())};
  FieldSample made;
  made.contents = {{2, first}, {3, Buffer(3 * kBlocks, std::byte{9})}, {7, third}};
  made.parts.fields = {
      {2, 0, first}, {3, 1, Buffer(1, std::byte{9})}, {7, 2, frame.of(third, third.size() - 1)}};
  return made;
}

class FieldCollector {
 public:
  explicit FieldCollector(Collector& c) : c_(c) {}

  void change(const char* name, const char* rule, const std::function<void(FieldParts&)>& change,
              const char* code = "malformed") {
    FieldSample made = field_sample();
    change(made.parts);
    add(name, rule, interleave(made.contents), made.parts.payload(), code);
  }
  void add(const char* name, const char* rule, const Buffer& plain, const Buffer& payload,
           const char* code = "malformed") {
    const auto count = static_cast<std::uint32_t>(plain.size());
    Archive archive;
    archive.records =
        in_file({raw::tensor({.stored = count, .chunk = count, .shape = {count}, .name = "t"}),
                 raw::chunk({.codec = kFieldsCodec}, plain, payload)},
                1, count);
    c_.add_payload(name, rule, archive.bytes(), "ok", code);
  }

 private:
  Collector& c_;
};

void headers(FieldCollector& c) {
  const auto form = [&](const char* name, unsigned value) {
    c.change(
        name, "the form is 1", [=](FieldParts& p) { p.form = value; }, "unsupported");
  };
  form("fields-form-0", 0);
  form("fields-form-2", 2);
  const char* count = "there are 1 to 16 fields";
  c.change("fields-none", count, [](FieldParts& p) { p.fields.clear(), p.block = 12; });
  FieldSample many;
  for (unsigned i = 0; i < 17; ++i) {
    many.contents.emplace_back(1, Buffer(20, std::byte{9}));
    many.parts.fields.push_back({1, 1, Buffer(1, std::byte{9})});
  }
  c.add("fields-17", count, interleave(many.contents), many.parts.payload());
  const char* block = "a chunk has whole blocks";
  c.change("fields-block-0", block, [](FieldParts& p) {
    for (FieldPart& field : p.fields) field.size = 0;
  });
  Buffer longer = interleave(field_sample().contents);
  longer.push_back(std::byte{0});
  c.add("fields-part-of-block", block, longer, field_sample().parts.payload());
  const char* sum = "the sizes of the fields are that of a block";
  c.change("fields-block-larger", sum, [](FieldParts& p) { p.block = 15; });
  c.change("fields-block-smaller", sum, [](FieldParts& p) { p.block = 10; });
  c.change("fields-sum-wraps", sum, [](FieldParts& p) {
    p.block = 12;
    p.fields = {{0xFFFF, 1, Buffer(1)}, {13, 1, Buffer(1)}};
  });
  c.change("fields-size-0", "a field has at least one byte", [](FieldParts& p) {
    p.fields.insert(p.fields.begin() + 1, {0, 0, {}});
  });
  for (const auto& [name, codec] :
       std::initializer_list<std::pair<const char*, unsigned>>{{"fields-codec-3", 3},
                                                               {"fields-codec-4", 4},
                                                               {"fields-codec-5", 5},
                                                               {"fields-codec-6", 6},
                                                               {"fields-codec-7", 7},
                                                               {"fields-codec-9", 9},
                                                               {"fields-codec-10", 10},
                                                               {"fields-codec-100", 100},
                                                               {"fields-codec-256", 256}}) {
    c.change(name, "a field is of codec raw, constant, zstd or split-number",
             [number = codec](FieldParts& p) { p.fields[0].codec = number; });
  }
}

void payloads(FieldCollector& c) {
  const char* parts = "the payloads end with the payload";
  c.change("fields-payload-short", parts, [](FieldParts& p) { p.fields[2].payload.pop_back(); });
  c.change("fields-cut", parts, [](FieldParts& p) {
    p.fields[2].says_length = static_cast<std::uint32_t>(p.fields[2].payload.size());
    p.fields[2].payload.pop_back();
  });
  c.change("fields-left-over", parts, [](FieldParts& p) {
    p.fields[2].says_length = static_cast<std::uint32_t>(p.fields[2].payload.size());
    p.fields[2].payload.push_back(std::byte{0});
  });
  c.change("fields-lengths-wrap", parts, [](FieldParts& p) {
    p.fields[0].says_length = 0x80000000u + static_cast<std::uint32_t>(p.fields[0].payload.size());
    p.fields[1].says_length = 0x80000001u;
  });
  const char* own = "a field's payload is as its codec says";
  c.change("fields-raw-short", own, [](FieldParts& p) { p.fields[0].payload.pop_back(); });
  c.change("fields-raw-long", own, [](FieldParts& p) { p.fields[0].payload.emplace_back(); });
  c.change("fields-constant-of-elements", "a constant field has a pattern of one byte",
           [](FieldParts& p) { p.fields[1].payload.resize(3, std::byte{9}); });
  c.change("fields-constant-empty", own, [](FieldParts& p) { p.fields[1].payload.clear(); });
  c.change("fields-zstd-content", own,
           [](FieldParts& p) { p.fields[2].payload[5] ^= std::byte{1}; });
  const auto number = [](unsigned form) {
    const NumberPlan plan{.tables = {{200, 40}}, .width = 80};
    NumberParts made = encode_number(plan, std::vector<Item>(2 * kBlocks));
    made.form = form;
    return made.payload();
  };
  c.change(
      "fields-number-form", "the form of a field's split-number is 1",
      [&](FieldParts& p) {
        p.fields[0] = {2, kSplitNumber, number(2)};
      },
      "unsupported");
  c.change("fields-codec-before-content", "all that the header says comes before the fields",
           [&](FieldParts& p) {
             p.fields[0] = {2, kSplitNumber, number(2)};
             p.fields[2].codec = 3;
           });
  c.change("fields-content-in-order", "the fields are decoded in order", [&](FieldParts& p) {
    p.fields[0].payload.pop_back();
    p.fields[1] = {3, kSplitNumber, number(2)};
  });

  // A frame that is longer than what it holds.
  const Buffer three = raw::text("aab");
  const ZstdFrame frame{.fields = raw::Fields().u8(3)};
  FieldSample made;
  made.contents = {{1, three}, {60, Buffer(180, std::byte{9})}};
  made.parts.fields = {{1, 2, frame.of(three, 2)}, {60, 1, Buffer(1, std::byte{9})}};
  c.add("fields-payload-longer", "a field's payload is not longer than its content",
        interleave(made.contents), made.parts.payload());
  // 20 bytes of header, 12 and 1.
  made.contents = {{12, raw::text("abcdefghijkl")}, {21, Buffer(21, std::byte{9})}};
  made.parts.fields = {{12, 0, made.contents[0].second}, {21, 1, Buffer(1, std::byte{9})}};
  c.add("fields-not-shorter", "a payload is shorter than its chunk", interleave(made.contents),
        made.parts.payload());
  const Buffer plain = interleave(field_sample().contents);
  const char* first = "the form comes before all else";
  c.add("fields-form-2-alone", first, plain, raw::Fields().u8(2), "unsupported");
  c.add("fields-form-2-long", first, plain, raw::Fields().u8(2).zeros(plain.size() - 1),
        "unsupported");
  const auto cut = [&](const char* name, std::size_t size) {
    Buffer payload = field_sample().parts.payload();
    payload.resize(size);
    c.add(name, "a payload has a header", interleave(field_sample().contents), payload);
  };
  cut("fields-empty", 0);
  cut("fields-header-cut", 3);
  cut("fields-list-cut", 27);
}

}  // namespace

void add_field_vectors(Collector& collector) {
  FieldCollector c(collector);
  headers(c);
  payloads(c);
}

}  // namespace bbz::vectors
