// Payloads of codec split-float that break one rule each. Wherever that can be, all else fits, so
// that a decoder which does not look would give the chunk.
#include "vectors/collector.h"
#include "vectors/split_payload.h"

namespace bbz::vectors {
namespace {

constexpr std::uint64_t k31 = std::uint64_t{1} << 31;

// 300 elements in 10 rows, with something in every part; bits are left over in rows, columns and
// packed bits.
SplitPlan sample() {
  return {.tables = {{9, 20, 71, 100, 40, 10}, {60, 70, 70, 52}, {150, 70, 20, 9, 3, 1}},
          .row_bits = 1,
          .column_bits = 1,
          .base = 240,
          .width = 31,
          .first = 7,
          .row_table = {0, 1, 2, 1, 0},
          .row_shift = {0, 1, 1},
          .column_shift = {0, 1, 0, 0},
          .patched = {3, 50, 51, 299}};
}
constexpr std::size_t kElements = 300;

// Rows of 5, so that lanes 5 to 7 never decode.
SplitPlan narrow() {
  SplitPlan plan = sample();
  plan.width = 5;
  plan.first = 2;
  return plan;
}

SplitPlan two_streams() {
  SplitPlan plan = sample();
  plan.lanes_log2 = 7;
  plan.width = 200;
  return plan;
}

void xor_last(Buffer& part, unsigned bits) {
  part.back() ^= static_cast<std::byte>(bits);
}

class SplitCollector {
 public:
  explicit SplitCollector(Collector& c) : c_(c) {}

  // A payload in parts, changed.
  void change(const char* name, const char* rule, const SplitPlan& plan,
              const std::function<void(SplitParts&)>& change, const char* code = "malformed",
              std::size_t elements = kElements) {
    const Buffer plain = draw_split(plan, elements, 7);
    SplitParts parts = encode_split(plan, plain);
    change(parts);
    add(name, rule, plain, parts.payload(), code);
  }
  void change(const char* name, const char* rule, const std::function<void(SplitParts&)>& change,
              const char* code = "malformed") {
    this->change(name, rule, sample(), change, code);
  }
  // A plan beyond what the text allows.
  void plan(const char* name, const char* rule, const SplitPlan& plan,
            const char* code = "malformed", std::size_t elements = kElements) {
    change(
        name, rule, plan, [](SplitParts&) {}, code, elements);
  }
  // The payload's bytes, changed.
  void bytes(const char* name, const char* rule, const std::function<void(Buffer&)>& change) {
    const Buffer plain = draw_split(sample(), kElements, 7);
    Buffer payload = encode_split(sample(), plain).payload();
    change(payload);
    add(name, rule, plain, payload, "malformed");
  }
  void add(const char* name, const char* rule, const Buffer& plain, const Buffer& payload,
           const char* code) {
    const auto count = static_cast<std::uint32_t>(plain.size() / 2);
    Archive archive;
    archive.records = in_file({raw::tensor({.dtype = 17,
                                            .bits = 16,
                                            .stored = count,
                                            .chunk = count,
                                            .shape = {count},
                                            .name = "t"}),
                               raw::chunk({.codec = 3}, plain, payload)},
                              1, plain.size());
    c_.add_payload(name, rule, archive.bytes(), "ok", code);
  }

 private:
  Collector& c_;
};

void headers(SplitCollector& c) {
  c.change(
      "split-form-0", "the form is 1", [](SplitParts& p) { p.form = 0; }, "unsupported");
  c.change(
      "split-form-2", "the form is 1", [](SplitParts& p) { p.form = 2; }, "unsupported");
  SplitPlan plan = sample();
  plan.top_bits = 2;
  plan.base = 480;
  c.plan("split-top-bits", "there is at most one top bit", plan, "unsupported");
  plan = sample();
  plan.lanes_log2 = 2;
  c.plan("split-lanes-4", "there are 8 to 256 lanes", plan);
  plan.lanes_log2 = 9;
  c.plan("split-lanes-512", "there are 8 to 256 lanes", plan, "malformed", 3000);
  c.change("split-tables-0", "there are 1 to 8 tables", [](SplitParts& p) { p.table_count = 0; });
  plan = sample();
  for (int i = 0; i < 6; ++i) plan.tables.push_back(plan.tables[0]);
  c.plan("split-tables-9", "there are 1 to 8 tables", plan);
  plan = sample();
  plan.row_bits = 9;
  c.plan("split-row-bits", "a row's shift has at most 8 bits", plan);
  plan = sample();
  plan.column_bits = 9;
  c.plan("split-column-bits", "a column's shift has at most 8 bits", plan);
  plan = sample();
  plan.base += 512;
  c.plan("split-base", "the base is a key", plan);
  c.change("split-width-0", "a row has at least one element", [](SplitParts& p) { p.width = 0; });
  plan = sample();
  plan.column_bits = 0;
  plan.column_shift.clear();
  plan.width = (1 << 26) + 1;
  c.plan("split-width-limit", "a row has at most 2^26 elements", plan);
  plan = sample();
  plan.first = plan.width;
  c.plan("split-first", "the first column is within the width", plan);
  plan = sample();
  plan.column_bits = 0;
  plan.column_shift.clear();
  plan.width = 1;
  plan.first = 0;
  c.change(
      "split-rows-limit", "there are at most 65,536 rows", plan,
      [](SplitParts& p) {
        p.packed.resize(9), p.rows.resize(9), p.streams[0].clear(), p.escapes.clear();
      },
      "malformed", 65537);
}

void fields(SplitCollector& c) {
  SplitPlan plan = sample();
  plan.tables[1].push_back(0);
  c.plan("split-table-last", "the last frequency of a table is not 0", plan);
  c.change("split-table-sum", "the frequencies of a table are at most 256",
           [](SplitParts& p) { p.tables[2] = std::byte{27}; });  // 257
  plan = sample();
  plan.tables[0] = {};  // every element of its rows an escape
  c.plan("split-table-empty", "a table has 1 to 31 symbols", plan);
  plan = sample();
  plan.tables[0].resize(31);
  plan.tables[0].push_back(6);
  c.plan("split-table-escape", "a table has 1 to 31 symbols", plan);
  plan = sample();
  plan.tables.push_back(plan.tables[2]);
  plan.row_table = {0, 1, 3, 1, 0};
  c.change("split-row-table", "a row names a table that is there", plan, [](SplitParts& p) {
    p.tables.resize(p.tables.size() - 7);
    --p.table_count;
  });
  c.change("split-rows-left-over", "bits after the rows are zero",
           [](SplitParts& p) { xor_last(p.rows, 0x80); });
  c.change("split-columns-left-over", "bits after the columns are zero",
           [](SplitParts& p) { xor_last(p.columns, 0x80); });
  c.change("split-packed-left-over", "bits after a row's packed bits are zero",
           [](SplitParts& p) { p.packed[21 + 27] ^= std::byte{0x80}; });
  c.change("split-packed-left-over-last", "bits after a row's packed bits are zero",
           [](SplitParts& p) { xor_last(p.packed, 0x10); });
}

void coded(SplitCollector& c) {
  c.change("split-stream-short", "a stream has the bytes that its lanes take", [](SplitParts& p) {
    p.streams[0].pop_back();
    --p.stream_size[0];
  });
  c.change("split-stream-left-over", "every byte of a stream is used", [](SplitParts& p) {
    p.streams[0].push_back(std::byte{0});
    ++p.stream_size[0];
  });
  c.change(
      "split-stream-of-other-lanes", "lanes take bytes from their own stream", two_streams(),
      [](SplitParts& p) { --p.stream_size[0], ++p.stream_size[1]; }, "malformed", 900);
  c.change(
      "split-stream-sizes-wrap", "a payload ends with its parts", two_streams(),
      [](SplitParts& p) { p.stream_size[0] += k31, p.stream_size[1] += k31; }, "malformed", 900);
  c.change("split-escapes-short", "an escape has its byte", [](SplitParts& p) {
    p.escapes.pop_back();
    --p.escape_count;
  });
  c.change("split-escapes-left-over", "every escape is used", [](SplitParts& p) {
    p.escapes.push_back(std::byte{0});
    ++p.escape_count;
  });
  SplitPlan plan = sample();
  plan.tables[0] = {255};  // so that the byte need not be put
  plan.low_state = true;
  c.plan("split-state-low", "a state is at least 256", plan);
  plan = sample();
  plan.end_state = {{4, 257}};
  c.plan("split-state-end", "every state ends at 256", plan);
  plan = narrow();
  plan.end_state = {{6, 257}};
  c.plan("split-state-idle", "the state of a lane that never decodes is 256", plan);
}

// The samples have four patches.
void patches(SplitCollector& c) {
  c.change("split-patches-order", "the places of patches ascend", [](SplitParts& p) {
    std::swap_ranges(p.patches.begin(), p.patches.begin() + 6, p.patches.begin() + 6);
  });
  c.change("split-patches-same", "the places of patches ascend", [](SplitParts& p) {
    p.patches.insert(p.patches.begin(), p.patches.begin(), p.patches.begin() + 6);
    ++p.patch_count;
  });
  c.change("split-patch-place", "a patch is of an element of the chunk", [](SplitParts& p) {
    raw::append(p.patches, Buffer(raw::Fields().u32(kElements).u16(0)));
    ++p.patch_count;
  });
  c.change("split-patch-key", "a patch is a key",
           [](SplitParts& p) { p.patches[5] |= std::byte{2}; });
  c.change("split-patches-wrap", "a payload ends with its parts",
           [](SplitParts& p) { p.patch_count += k31; });
}

void lengths(SplitCollector& c) {
  c.bytes("split-header-cut", "a payload has a header", [](Buffer& b) { b.resize(23); });
  c.bytes("split-stream-sizes-cut", "a payload has a header", [](Buffer& b) { b.resize(27); });
  c.bytes("split-empty", "a payload has a header", [](Buffer& b) { b.clear(); });
  c.bytes("split-tables-cut", "a payload ends with its parts", [](Buffer& b) { b.resize(32); });
  c.bytes("split-cut", "a payload ends with its parts", [](Buffer& b) { b.pop_back(); });
  c.bytes("split-longer", "a payload ends with its parts",
          [](Buffer& b) { b.push_back(std::byte{0}); });
  // Symbols that nothing has and patches that change nothing make it as long as the chunk.
  SplitPlan plan = sample();
  plan.patched.clear();
  const Buffer plain = draw_split(plan, kElements, 7);
  SplitParts parts = encode_split(plan, plain);
  while ((plain.size() - parts.payload().size()) % 6 != 0) {
    --plan.tables[2][0];
    plan.tables[2].push_back(1);
    parts = encode_split(plan, plain);
  }
  parts.patch_count = static_cast<std::uint32_t>((plain.size() - parts.payload().size()) / 6);
  raw::Fields patches;
  for (std::uint32_t i = 0; i < parts.patch_count; ++i) {
    patches.u32(i).u16(load_le<std::uint16_t>(plain.data() + 2 * i) >> 6 & 511);
  }
  parts.patches = patches;
  c.add("split-not-shorter", "a payload is shorter than its chunk", plain, parts.payload(),
        "malformed");
}

}  // namespace

void add_split_vectors(Collector& collector) {
  SplitCollector c(collector);
  headers(c);
  fields(c);
  coded(c);
  patches(c);
  lengths(c);
}

}  // namespace bbz::vectors
