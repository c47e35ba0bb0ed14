// Groups of method bits-back: the junction of the example in format-spec/bits-back.md, with one
// thing changed.
#include "vectors/junction.h"

namespace bbz::vectors {
namespace {

// A group whose carrier is constant, with so many zeros of code, and a tensor that rides on it.
void limit(Collector& c, const char* name, const char* rule, std::uint32_t width, std::uint8_t bits,
           std::uint64_t rows, std::size_t code) {
  raw::Fields record;
  record.u8(1).u8(0).u8(bits).u8(128).u8(30).u8(0).u16(static_cast<std::uint16_t>(width));
  record.u32(static_cast<std::uint32_t>(rows)).u32(32).u64(0).bytes(Buffer(code));
  const std::uint64_t count = rows * width;
  const Buffer riders(32);
  std::vector<Record> list;
  list.push_back(bits_back_group(width, Buffer(record)));
  list.push_back(raw::tensor({.number = 0,
                              .dtype = kF16,
                              .bits = 16,
                              .stored = count,
                              .chunk = count,
                              .shape = {rows, width},
                              .name = "w"}));
  list.push_back(raw::chunk({.tensor = 0, .codec = 1}, words(count, 0x3C00), words(1, 0x3C00)));
  list.push_back(raw::tensor({.number = 1,
                              .offset = 2 * count,
                              .dtype = 2,
                              .bits = 8,
                              .form = 3,
                              .group = 0,
                              .stored = riders.size(),
                              .chunk = riders.size(),
                              .shape = {riders.size()},
                              .name = "v"}));
  list.push_back(
      raw::chunk({.tensor = 1, .codec = 4}, riders, Buffer(Carried{.codec = 0, .length = 32})));
  Archive archive;
  archive.records = in_file(std::move(list), 2, 2 * count + riders.size());
  c.add_payload(name, rule, archive.bytes(), "ok", "limit");
}

void group_payloads(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, const Junction& junction,
                           const char* code, const char* stream = "ok") {
    c.add_payload(name, rule, junction.archive(), stream, code);
  };
  Junction none;
  none.carrier_count = 0;
  refused("bits-back-no-carriers", "a rotation has carriers", none, "malformed", "malformed");
  Junction reserved;
  reserved.reserved = 1;
  refused("bits-back-group-reserved", "reserved fields are zero", reserved, "unsupported");
  Junction wide;
  wide.width = 4;
  refused("bits-back-group-width", "the carriers have the width of their group", wide, "malformed");
  Junction record;
  record.record[6] = std::byte{2};
  refused("bits-back-record-width", "the record has the width of its group", record, "malformed");
  Junction version;
  version.record[0] = std::byte{2};
  refused("bits-back-record-version", "the version of the record is known", version, "unsupported");
  Junction cut;
  cut.record.resize(23);
  refused("bits-back-record-cut", "the record is whole", cut, "truncated");
  Junction checksum;
  checksum.record[16] ^= std::byte{1};
  refused("bits-back-record-checksum", "the riders are under a checksum", checksum, "checksum");
}

void carriers(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, const Junction& junction) {
    c.add_payload(name, rule, junction.archive(), "ok", "malformed");
  };
  Junction flat;
  flat.carriers[0].shape = {3, 6};
  refused("bits-back-carrier-shape", "a carrier is a matrix of the rotation's width", flat);
  Junction deep;
  deep.carriers[0].shape = {1, 6, 3};
  refused("bits-back-carrier-rank", "a carrier is a matrix", deep);
  Junction whole;
  whole.carriers[0].dtype = kU16;
  refused("bits-back-carrier-dtype", "a carrier is of F16, BF16 or F32", whole);
  Junction mixed;
  const Buffer rows = example_carrier();
  mixed.carrier_count = 2;
  mixed.carriers = {
      {.shape = {3, 3}, .bytes = Buffer(rows.begin(), rows.begin() + 18)},
      {.dtype = kBF16, .shape = {3, 3}, .bytes = Buffer(rows.begin() + 18, rows.end())}};
  refused("bits-back-carrier-dtypes", "the carriers are of one dtype", mixed);
  Junction operand;
  operand.carriers[0].operand = true;
  refused("bits-back-carrier-operand", "a carrier lies in a file", operand);
  Junction missing;
  missing.carrier_count = 2;
  refused("bits-back-carrier-missing", "the carriers follow their group", missing);
  Junction none;
  none.carriers.clear();
  refused("bits-back-carrier-rider", "a carrier is dense", none);
}

// Carriers that no record can be of. Every bit of the payload is one of the three riders, and any frame
// gives some, so only the frame can be at fault.
void no_frame(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, const Buffer& rows) {
    Junction junction;
    junction.carriers[0].bytes = rows;
    junction.record[2] = std::byte{8};  // bits
    junction.record[3] = std::byte{128};
    junction.record[4] = std::byte{13};  // a step of a 32nd
    junction.record[12] = std::byte{3};
    c.add_payload(name, rule, junction.archive(), "ok", "malformed");
  };
  const auto with = [](std::uint16_t value) {
    Buffer rows = example_carrier();
    store_le<std::uint16_t>(rows.data() + 14, value);
    return rows;
  };
  refused("bits-back-carrier-nan", "the carriers are finite", with(0x7E00));
  refused("bits-back-carrier-infinite", "the carriers are finite", with(0xFC00));
  refused("bits-back-carrier-zero", "the carriers fix a frame", words(18, 0));
  // The products of the sum B are exact, but not those by which its rank is found.
  const Buffer example = example_carrier();
  Buffer one;
  for (int row = 0; row < 6; ++row) raw::append(one, Bytes(example).first(6));
  refused("bits-back-carrier-rank-1", "the carriers fix a frame", one);
  Buffer two;
  for (int row = 0; row < 3; ++row) raw::append(two, Bytes(example).first(12));
  refused("bits-back-carrier-rank-2", "the carriers fix a frame", two);
}

// The record, whose width, length and fields are as the text says.
void records(Collector& c) {
  const auto refused = [&](const char* name, const char* rule,
                           const std::function<void(Buffer&)>& change) {
    Junction junction;
    change(junction.record);
    c.add_payload(name, rule, junction.archive(), "ok", "malformed");
  };
  refused("bits-back-record-bits", "a freedom has 1 to 24 bits",
          [](Buffer& r) { r[2] = std::byte{0}; });
  refused("bits-back-record-scale", "a scale is 128 and more",
          [](Buffer& r) { r[3] = std::byte{127}; });
  refused("bits-back-record-rows", "the record has the rows of its carriers",
          [](Buffer& r) { r[8] = std::byte{7}; });
  refused("bits-back-code-longer", "a code has at most the zeros that a decoder reads",
          [](Buffer& r) { r.resize(r.size() + 4); });
  refused("bits-back-code-shorter", "a code has all bytes but zeros",
          [](Buffer& r) { r.pop_back(); });
  refused("bits-back-code-none", "a code has all bytes but zeros", [](Buffer& r) { r.resize(24); });
}

}  // namespace

void add_bits_back_vectors(Collector& c) {
  limit(c, "bits-back-width-limit", "the width of a rotation is within the limit", 8193, 1, 1, 0);
  limit(c, "bits-back-stored-limit", "a rotation has no more bits than what is stored", 64, 24, 64,
        7);
  group_payloads(c);
  carriers(c);
  no_frame(c);
  records(c);
}

}  // namespace bbz::vectors
