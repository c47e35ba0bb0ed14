// Payloads of codec split-number that break one rule each. Wherever that can be, all else fits, so
// that a decoder which does not look would give the chunk.
#include <bit>
#include <limits>

#include "vectors/collector.h"
#include "vectors/number_chunks.h"

namespace bbz::vectors {
namespace {

constexpr std::uint32_t kWraps = 1u << 31;
constexpr std::size_t kNumbers = 500;
constexpr auto kAsItIs = [](NumberParts&) {};

// Elements in 17 rows, with something in every part; bits are left over in rows, columns and lower
// bits.
NumberPlan number_sample() {
  return {.kind = kScaled,
          .element_bits = 16,
          .mantissa_bits = 10,
          .sign_bits = 0,
          .tables = {{60, 20, 71, 60, 20, 10}, {60, 70, 70, 40}, {150, 70, 20, 5, 3, 1}},
          .row_bits = 1,
          .column_bits = 1,
          .floor_bits = 1,
          .base = 2,
          .centres = 2,
          .width = 31,
          .first = 7,
          .row_table = {0, 1, 2, 1, 0},
          .row_shift = {0, 1, 1},
          .row_floor = {1, 0},
          .column_shift = {0, 1, 0, 0},
          .row_centre = {0, 5, 0xFFF0},
          .row_scale = {0.5F, 0.003F}};
}

NumberPlan of_kind(unsigned kind, unsigned bits = 16, unsigned mantissa = 0) {
  NumberPlan plan = number_sample();
  plan.kind = kind;
  plan.element_bits = bits;
  plan.mantissa_bits = mantissa;
  plan.centres = 0;
  plan.row_centre.clear();
  plan.row_scale.clear();
  if (bits < 8) plan.precision = 0, plan.sign_bits = 1;
  return plan;
}

NumberPlan number_streams() {
  NumberPlan plan = number_sample();
  plan.lanes_log2 = 7;
  plan.width = 200;
  return plan;
}

class NumberCollector {
 public:
  explicit NumberCollector(Collector& c) : c_(c) {}

  // A payload in parts, changed.
  void change(const char* name, const char* rule, const NumberPlan& plan,
              const std::function<void(NumberParts&)>& change, const char* code = "malformed",
              std::size_t count = kNumbers) {
    const std::vector<Item> items = draw_items(plan, count, 7);
    NumberParts parts = encode_number(plan, items);
    change(parts);
    add(name, rule, compose(plan, items), parts.payload(), code);
  }
  void change(const char* name, const char* rule, const std::function<void(NumberParts&)>& change,
              const char* code = "malformed") {
    this->change(name, rule, number_sample(), change, code);
  }
  // A plan beyond what the text allows.
  void plan(const char* name, const char* rule, const NumberPlan& plan,
            std::size_t count = kNumbers) {
    change(name, rule, plan, kAsItIs, "malformed", count);
  }
  // The payload's bytes, changed.
  void bytes(const char* name, const char* rule, const std::function<void(Buffer&)>& change) {
    const std::vector<Item> items = draw_items(number_sample(), kNumbers, 7);
    Buffer payload = encode_number(number_sample(), items).payload();
    change(payload);
    add(name, rule, compose(number_sample(), items), payload, "malformed");
  }
  // Of a tensor of bytes, since the dtype is not needed.
  void add(const char* name, const char* rule, const Buffer& plain, const Buffer& payload,
           const char* code) {
    const auto count = static_cast<std::uint32_t>(plain.size());
    Archive archive;
    archive.records =
        in_file({raw::tensor({.stored = count, .chunk = count, .shape = {count}, .name = "t"}),
                 raw::chunk({.codec = kSplitNumber}, plain, payload)},
                1, count);
    c_.add_payload(name, rule, archive.bytes(), "ok", code);
  }

 private:
  Collector& c_;
};

void kinds(NumberCollector& c) {
  const auto form = [&](const char* name, unsigned value) {
    c.change(
        name, "the form is 1", [=](NumberParts& p) { p.form = value; }, "unsupported");
  };
  form("number-form-0", 0);
  form("number-form-2", 2);
  const auto kind = [&](const char* name, unsigned value) {
    c.change(
        name, "the kind is 0 to 4", [=](NumberParts& p) { p.plan.kind = value; }, "unsupported");
  };
  kind("number-kind-5", 5);
  kind("number-kind-255", 255);
  c.change(
      "number-kind-before-rest", "a kind that is not known comes before all else",
      [](NumberParts& p) { p.plan.kind = 5, p.plan.element_bits = 0; }, "unsupported");

  const char* sizes = "each kind has its sizes of elements";
  c.plan("number-bits-24", sizes, of_kind(kInteger, 24));
  c.plan("number-bits-float-4", sizes, of_kind(kFloat, 4, 2), 1800);
  c.plan("number-bits-first-4", sizes, of_kind(kFirst, 4), 1800);
  c.plan("number-bits-second-4", sizes, of_kind(kSecond, 4), 1800);
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, unsigned>>{
           {"number-bits-0", 0}, {"number-bits-2", 2}, {"number-bits-128", 128}}) {
    c.change(name, sizes, of_kind(kInteger),
             [bits = value](NumberParts& p) { p.plan.element_bits = bits; });
  }
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, unsigned>>{{"number-bits-scaled-4", 4},
                                                               {"number-bits-scaled-8", 8},
                                                               {"number-bits-scaled-64", 64}}) {
    c.change(name, sizes, [bits = value](NumberParts& p) { p.plan.element_bits = bits; });
  }

  const char* mantissas = "each kind has its mantissa bits";
  c.plan("number-mantissa-float-0", mantissas, of_kind(kFloat, 16, 0));
  c.plan("number-mantissa-float-all", mantissas, of_kind(kFloat, 16, 15));
  c.change("number-mantissa-integer", mantissas, of_kind(kInteger),
           [](NumberParts& p) { p.plan.mantissa_bits = 1; });
  c.plan("number-mantissa-first", mantissas, of_kind(kFirst, 16, 2));
  c.plan("number-mantissa-second", mantissas, of_kind(kSecond, 16, 7));
  NumberPlan plan = number_sample();
  plan.mantissa_bits = 8;
  c.plan("number-mantissa-scaled-16", mantissas, plan);
  c.change("number-mantissa-scaled-23", mantissas,
           [](NumberParts& p) { p.plan.mantissa_bits = 23; });
  plan.element_bits = 32;
  plan.mantissa_bits = 23;
  c.change("number-mantissa-scaled-32", mantissas, plan,
           [](NumberParts& p) { p.plan.mantissa_bits = 10; });
}

void headers(NumberCollector& c) {
  NumberPlan plan = number_sample();
  plan.precision = 64;
  c.plan("number-precision", "the precision is at most 63", plan);
  plan = number_sample();
  plan.top_bits = 4;
  c.plan("number-top-bits", "there are at most three top bits", plan);
  c.change("number-sign-bits", "there is at most one sign bit",
           [](NumberParts& p) { p.plan.sign_bits = 2; });
  plan = number_sample();
  plan.lanes_log2 = 2;
  c.plan("number-lanes-4", "there are 8 to 256 lanes", plan);
  plan.lanes_log2 = 9;
  c.plan("number-lanes-512", "there are 8 to 256 lanes", plan, 3000);
  c.change("number-tables-0", "there are 1 to 8 tables", [](NumberParts& p) { p.table_count = 0; });
  plan = number_sample();
  for (int i = 0; i < 6; ++i) plan.tables.push_back(plan.tables[0]);
  c.plan("number-tables-9", "there are 1 to 8 tables", plan);
  plan = number_sample();
  plan.row_bits = 9;
  c.plan("number-row-bits", "a row's shift has at most 8 bits", plan);
  plan = number_sample();
  plan.column_bits = 9;
  c.plan("number-column-bits", "a column's shift has at most 8 bits", plan);
  plan = number_sample();
  plan.floor_bits = 9;
  c.plan("number-floor-bits", "a row's floor has at most 8 bits", plan);
  plan.row_bits = 6;
  plan.floor_bits = 8;
  c.plan("number-row-and-floor-bits", "a row's shift and floor have at most 13 bits", plan);
  c.change("number-centres-3", "centres are 0 to 2", [](NumberParts& p) { p.plan.centres = 3; });
  const char* centres = "floats and differences have no centres";
  for (const auto& [name, kind] : std::initializer_list<std::pair<const char*, unsigned>>{
           {"number-centres-float", kFloat},
           {"number-centres-first", kFirst},
           {"number-centres-second", kSecond}}) {
    plan = of_kind(kind, 16, kind == kFloat ? 10 : 0);
    plan.centres = 1 + kind / 2;
    plan.row_centre = {0};
    c.plan(name, centres, plan);
  }
  c.change("number-width-0", "a row has at least one element",
           [](NumberParts& p) { p.plan.width = 0; });
  plan = number_sample();
  plan.column_bits = 0;
  plan.column_shift.clear();
  plan.width = (1 << 26) + 1;
  c.plan("number-width-limit", "a row has at most 2^26 elements", plan);
  plan = number_sample();
  plan.first = plan.width;
  c.plan("number-first", "the first column is within the width", plan);
  plan = {.tables = {{255}}, .width = 1};
  c.plan("number-rows-limit", "there are at most 65,536 rows", plan, 65537);

  const std::vector<Item> items = draw_items(number_sample(), kNumbers, 7);
  Buffer odd = compose(number_sample(), items);
  odd.push_back(std::byte{0});
  c.add("number-part-of-element", "a chunk has whole elements", odd,
        encode_number(number_sample(), items).payload(), "malformed");
}

void fields(NumberCollector& c) {
  NumberPlan plan = number_sample();
  plan.tables[1].push_back(0);
  c.plan("number-table-last", "the last frequency of a table is not 0", plan);
  c.change("number-table-sum", "the frequencies of a table are at most 256",
           [](NumberParts& p) { p.tables[1] = std::byte{76}; });  // 257
  plan = number_sample();
  plan.tables[0] = {};  // every element of its rows an escape
  plan.element_bits = 32, plan.mantissa_bits = 23;
  c.plan("number-table-empty", "a table has 1 to 31 symbols", plan);
  plan = number_sample();
  plan.tables[0].resize(31);
  plan.tables[0].push_back(15);
  c.plan("number-table-escape", "a table has 1 to 31 symbols", plan);
  plan = number_sample();
  plan.tables.push_back(plan.tables[2]);
  plan.row_table = {0, 1, 3, 1, 0};
  c.change("number-row-table", "a row names a table that is there", plan, [](NumberParts& p) {
    p.tables.resize(p.tables.size() - 7);
    --p.table_count;
  });
  const auto last = [&](const char* name, const char* rule, Buffer NumberParts::*part) {
    c.change(name, rule, [=](NumberParts& p) { (p.*part).back() ^= std::byte{0x80}; });
  };
  last("number-rows-left-over", "bits after the rows are zero", &NumberParts::rows);
  last("number-columns-left-over", "bits after the columns are zero", &NumberParts::columns);
  // So many elements that bits are left over.
  c.change(
      "number-low-left-over", "bits after the lower bits are zero", number_sample(),
      [](NumberParts& p) { p.low.back() ^= std::byte{0x80}; }, "malformed", kNumbers - 2);
  const char* finite = "a scale is finite and greater than 0";
  const float infinite = std::numeric_limits<float>::infinity();
  for (const auto& [name, scale] : std::initializer_list<std::pair<const char*, float>>{
           {"number-scale-0", 0.0F},
           {"number-scale-minus-0", -0.0F},
           {"number-scale-negative", -0.5F},
           {"number-scale-infinite", infinite},
           {"number-scale-nan", std::numeric_limits<float>::quiet_NaN()}}) {
    const auto bits = std::bit_cast<std::uint32_t>(scale);
    c.change(name, finite, [=](NumberParts& p) {
      std::ranges::copy(Buffer(raw::Fields().u32(bits)), p.scales.begin() + 4);
    });
  }
  plan = of_kind(kInteger, 4);
  plan.centres = 1;
  plan.row_centre = {0x13};
  c.plan("number-centre-of-4-bits", "bits above a centre are zero", plan, 1800);
  plan.row_centre = {3};
  c.change(
      "number-whole-of-4-bits", "bits above a whole element are zero", plan,
      [](NumberParts& p) { p.whole[0] ^= std::byte{0x40}; }, "malformed", 1800);
}

void coded(NumberCollector& c) {
  c.change("number-stream-short", "a stream has the bytes that its lanes take", [](NumberParts& p) {
    p.streams[0].pop_back();
    --p.stream_size[0];
  });
  c.change("number-stream-left-over", "every byte of a stream is used", [](NumberParts& p) {
    p.streams[0].push_back(std::byte{0});
    ++p.stream_size[0];
  });
  c.change(
      "number-stream-of-other-lanes", "lanes take bytes from their own stream", number_streams(),
      [](NumberParts& p) { --p.stream_size[0], ++p.stream_size[1]; }, "malformed", 900);
  c.change(
      "number-stream-sizes-wrap", "a payload ends with its parts", number_streams(),
      [](NumberParts& p) { p.stream_size[0] += kWraps, p.stream_size[1] += kWraps; }, "malformed",
      900);
  struct Part {
    const char *less, *more, *wraps, *rule;
    Buffer NumberParts::*bytes;
    std::uint32_t NumberParts::*count;
    std::size_t size;
  };
  for (const Part& part : std::initializer_list<Part>{
           {"number-escapes-short", "number-escapes-left-over", "number-escapes-wrap",
            "the escapes are as many as are used", &NumberParts::escapes,
            &NumberParts::escape_count, 1},
           {"number-whole-short", "number-whole-left-over", "number-whole-wrap",
            "the whole elements are as many as are used", &NumberParts::whole,
            &NumberParts::whole_count, 2},
           {"number-low-short", "number-low-left-over-byte", "number-low-wrap",
            "the lower bits are as many as are used", &NumberParts::low, &NumberParts::low_size,
            1}}) {
    c.change(part.less, part.rule, [=](NumberParts& p) {
      (p.*part.bytes).resize((p.*part.bytes).size() - part.size);
      --(p.*part.count);
    });
    c.change(part.more, part.rule, [=](NumberParts& p) {
      (p.*part.bytes).resize((p.*part.bytes).size() + part.size);
      ++(p.*part.count);
    });
    c.change(part.wraps, "a payload ends with its parts",
             [=](NumberParts& p) { p.*part.count += kWraps; });
  }
  NumberPlan plan = number_sample();
  plan.tables[0] = {255};  // so that the byte need not be put
  plan.low_state = true;
  c.plan("number-state-low", "a state is at least 256", plan);
  plan = number_sample();
  plan.end_state = {{4, 257}};
  c.plan("number-state-end", "every state ends at 256", plan);
  plan = number_sample();  // rows of 5, so that lanes 5 to 7 never decode
  plan.kind = kInteger;
  plan.mantissa_bits = 0;
  plan.row_scale.clear();
  plan.width = 5, plan.first = 2;
  plan.end_state = {{6, 257}};
  c.plan("number-state-idle", "the state of a lane that never decodes is 256", plan);
}

void lengths(NumberCollector& c) {
  const Buffer sample = compose(number_sample(), draw_items(number_sample(), kNumbers, 7));
  const char* first = "form and kind come before all else";
  c.add("number-form-2-alone", first, sample, raw::Fields().u8(2), "unsupported");
  c.add("number-form-2-long", first, sample, raw::Fields().u8(2).zeros(sample.size() - 1),
        "unsupported");
  c.add("number-kind-5-alone", first, sample, raw::Fields().u8(1).u8(5), "unsupported");
  c.bytes("number-header-cut", "a payload has a header", [](Buffer& b) { b.resize(35); });
  c.bytes("number-stream-sizes-cut", "a payload has a header", [](Buffer& b) { b.resize(39); });
  c.bytes("number-kind-cut", "a payload has a header", [](Buffer& b) { b.resize(1); });
  c.bytes("number-empty", "a payload has a header", [](Buffer& b) { b.clear(); });
  c.bytes("number-tables-cut", "a payload ends with its parts", [](Buffer& b) { b.resize(44); });
  c.bytes("number-cut", "a payload ends with its parts", [](Buffer& b) { b.pop_back(); });
  c.bytes("number-longer", "a payload ends with its parts",
          [](Buffer& b) { b.push_back(std::byte{0}); });
  // Columns beyond the chunk make it as long as the chunk.
  NumberPlan plan = of_kind(kInteger);
  plan.column_bits = 8;
  plan.width = kNumbers;
  plan.first = 0;
  const std::vector<Item> items = draw_items(plan, kNumbers, 7);
  const Buffer plain = compose(plan, items);
  plan.column_shift.resize(kNumbers + plain.size());
  for (std::size_t i = 0; i < kNumbers; ++i) {
    plan.column_shift[i] = of_kind(kInteger).column_shift[i % 4];
  }
  plan.width +=
      static_cast<std::uint32_t>(plain.size() - encode_number(plan, items).payload().size());
  c.add("number-not-shorter", "a payload is shorter than its chunk", plain,
        encode_number(plan, items).payload(), "malformed");
}

}  // namespace

void add_number_vectors(Collector& collector) {
  NumberCollector c(collector);
  kinds(c);
  headers(c);
  fields(c);
  coded(c);
  lengths(c);
}

}  // namespace bbz::vectors
