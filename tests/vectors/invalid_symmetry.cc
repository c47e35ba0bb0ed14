#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

Record polar_group(std::uint32_t rank, std::uint64_t checksum,
                   const std::vector<std::uint16_t>& pivots) {
  raw::Fields f;
  f.u32(rank).u32(0).u64(checksum);
  for (const std::uint16_t pivot : pivots) f.u16(pivot);
  return raw::group(0, 2, Buffer(f));
}

// A tensor s of a form, alone in its file; what is wrong with it shows when it is decoded.
class Forms {
 public:
  explicit Forms(Collector& c) : c_(c) {}

  void lower(const char* name, const char* rule, std::vector<std::uint64_t> shape,
             std::uint64_t stored, const char* code) {
    std::vector<Record> list;
    const Buffer data = words(stored, 0x3C00);
    list.push_back(tensor(0, 1, shape, stored, kNone));
    list.push_back(raw::raw_chunk({}, data));
    add(name, rule, std::move(list), shape, code);
  }

  // The group and its operand, then the derived tensor.
  void polar(const char* name, const char* rule, const Record& group, const Buffer& operand,
             std::vector<std::uint64_t> shape, const char* code, const char* stream = "ok",
             std::uint8_t operand_dtype = kF16, bool constant = false) {
    std::vector<Record> list;
    list.reserve(6);
    list.push_back(group);
    std::uint32_t number = 0;
    if (!operand.empty()) {
      const std::uint64_t count = operand.size() / 2;
      list.push_back(raw::tensor({.number = number++,
                                  .file = kNone,
                                  .dtype = operand_dtype,
                                  .bits = 16,
                                  .stored = count,
                                  .chunk = count,
                                  .shape = {count},
                                  .name = "s.factor"}));
      list.push_back(constant ? raw::chunk({.codec = 1}, operand, Bytes(operand).first(2))
                              : raw::raw_chunk({}, operand));
    }
    list.push_back(tensor(number, 2, shape, 0, 0));
    add(name, rule, std::move(list), shape, code, stream);
  }

  // `stream`: where the group's payload, which a reader takes before any tensor, shows it already.
  void add(const char* name, const char* rule, std::vector<Record> list,
           const std::vector<std::uint64_t>& shape, const char* code, const char* stream = "ok") {
    std::uint64_t size = 2;
    for (const std::uint64_t extent : shape) size *= extent;
    Archive archive;
    archive.records = in_file(std::move(list), 1, size);
    c_.add_payload(name, rule, archive.bytes(), stream, code);
  }

  static Record tensor(std::uint32_t number, std::uint8_t form,
                       const std::vector<std::uint64_t>& shape, std::uint64_t stored,
                       std::uint32_t group, std::uint64_t offset = 0, const char* name = "s") {
    return raw::tensor({.number = number,
                        .offset = offset,
                        .dtype = kF16,
                        .bits = 16,
                        .form = form,
                        .group = group,
                        .stored = stored,
                        .chunk = std::max<std::uint64_t>(stored, 1),
                        .shape = shape,
                        .name = name});
  }

 private:
  Collector& c_;
};

void lower(Forms& f) {
  f.lower("lower-stored", "a lower tensor stores what is not right of its diagonal", {2, 3}, 4,
          "malformed");
  f.lower("lower-axes", "a lower tensor is a matrix", {3}, 3, "malformed");
  f.lower("lower-width-limit", "a width is within the limit", {1, 32769}, 1, "limit");
}

void polar(Forms& f) {
  constexpr std::uint64_t kM = 17;
  const Buffer factor = words(kM, 0x3400);
  const auto of_rank = [&](const char* name, const char* rule, const Record& group,
                           const Buffer& operand, const char* code = "malformed") {
    f.polar(name, rule, group, operand, {kM, kM}, code);
  };
  of_rank("polar-operand-missing", "the factor follows its group", polar_group(1, 0, {2}), {});
  of_rank("polar-operand-short", "the factor has its elements", polar_group(1, 0, {2}),
          words(kM - 1, 0x3400));
  f.polar("polar-operand-dtype", "the factor of F16 and BF16 is F16", polar_group(1, 0, {2}),
          factor, {kM, kM}, "malformed", "ok", kBF16);
  of_rank("polar-operand-nan", "the factor is finite", polar_group(1, 0, {2}), words(kM, 0x7E00));
  of_rank("polar-operand-grid", "the factor is on its grid", polar_group(1, 0, {2}),
          words(kM, 0x0001));
  of_rank("polar-operand-length", "the rows of the factor are short", polar_group(1, 0, {2}),
          words(kM, 0x4000));
  of_rank("polar-pivot", "a pivot is a row", polar_group(1, 0, {kM}), factor);
  of_rank("polar-rank", "the rank is at most the rows",
          polar_group(18, 0, std::vector<std::uint16_t>(18, 0)), factor);
  f.polar("polar-pivots-cut", "a pivot for each column", polar_group(2, 0, {2}), factor, {kM, kM},
          "malformed", "malformed");
  of_rank("polar-checksum", "the derived tensor is under a checksum", polar_group(1, 0, {2}),
          factor, "checksum");
  f.polar("polar-marks", "the marks have room", polar_group(1, 0, {2}), words(10, 0x3400), {10, 10},
          "malformed");
  f.polar("polar-wide", "rows are at most columns", polar_group(1, 0, {2}), words(18, 0x3400),
          {18, 17}, "malformed");
  f.polar("polar-no-rows", "a polar tensor has rows", polar_group(0, xxh3_64({}), {}), {}, {0, 3},
          "malformed");
  f.polar("polar-no-columns", "a polar tensor has columns", polar_group(0, xxh3_64({}), {}), {},
          {0, 0}, "malformed");
  f.polar("polar-derived-limit", "the derived bytes are within the limit", polar_group(0, 0, {}),
          {}, {32767, 32768}, "limit");
  Buffer reserved = polar_group(0, 0, {}).payload;
  reserved[4] = std::byte{1};
  f.polar("polar-group-reserved", "reserved fields are zero", raw::group(0, 2, reserved), {},
          {2, 2}, "unsupported");
  f.polar("polar-group-method", "a form needs a group of its method",
          raw::group(0, 3, Buffer(raw::Fields().u32(64).u16(1).u16(0).bytes(Buffer(24)))), {},
          {2, 2}, "malformed");
  f.polar("polar-group-method-unknown", "a form needs a group of its method, known or not",
          raw::group(0, 9, raw::text("of the future")), {}, {2, 2}, "malformed");
  f.polar("polar-work-limit", "the work of deriving is in proportion to what is stored",
          polar_group(1, 0, {2}), words(4096, 0x3400), {4096, 4096}, "limit", "ok", kF16, true);
}

// A rider without carried chunks, which needs a group of its method all the same.
void rider_groups(Collector& c) {
  const Buffer data = words(4, 0x3C00);
  const auto refused = [&](const char* name, const char* rule, const Record& group) {
    Archive archive;
    archive.records = in_file({group, Forms::tensor(0, 3, {2, 2}, 4, 0), raw::raw_chunk({}, data)},
                              1, data.size());
    c.add_payload(name, rule, archive.bytes(), "ok", "malformed");
  };
  refused("rider-group-method", "a form needs a group of its method",
          polar_group(0, xxh3_64(data), {}));
  refused("rider-group-method-unknown", "a form needs a group of its method, known or not",
          raw::group(0, 9, raw::text("of the future")));
}

// Two tensors of one group, each of which would be right alone.
void polar_twice(Collector& c) {
  const Buffer identity = raw::Fields().u16(0x3C00).u16(0).u16(0).u16(0x3C00);
  Archive archive;
  archive.records =
      in_file({polar_group(0, xxh3_64(identity), {}), Forms::tensor(0, 2, {2, 2}, 0, 0),
               Forms::tensor(1, 2, {2, 2}, 0, 0, identity.size(), "t")},
              2, 2 * identity.size());
  c.add_payload("polar-group-twice", "one tensor follows from a polar group", archive.bytes(), "ok",
                "malformed");
}

}  // namespace

void add_symmetry_vectors(Collector& c) {
  Forms f(c);
  lower(f);
  polar(f);
  polar_twice(c);
  rider_groups(c);
}

}  // namespace bbz::vectors
