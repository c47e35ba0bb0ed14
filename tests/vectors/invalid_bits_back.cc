// Groups of method bits-back: the junction of the example in format-spec/bits-back.md, with one
// thing changed.
#include "vectors/codec_payloads.h"
#include "vectors/collector.h"

namespace bbz::vectors {
namespace {

struct Junction {
  struct Carrier {
    std::uint8_t dtype = kF16;
    std::vector<std::uint64_t> shape;
    Buffer bytes;
    bool operand = false;
  };
  std::uint32_t width = 3;
  std::uint16_t carrier_count = 1;
  std::uint16_t reserved = 0;
  Buffer record = example_record();
  std::vector<Carrier> carriers = {{.shape = {6, 3}, .bytes = example_carrier()}};

  // The group, its carriers, and a tensor that rides on them.
  Buffer archive() const {
    std::vector<Record> list;
    list.push_back(bits_back_group(width, record, carrier_count, reserved));
    std::uint32_t number = 0;
    std::uint64_t size = 0;
    const std::string names = "wxyz";
    for (const Carrier& carrier : carriers) {
      const std::uint64_t count = carrier.bytes.size() / 2;
      list.push_back(raw::tensor({.number = number,
                                  .file = carrier.operand ? kNone : 0,
                                  .offset = carrier.operand ? 0 : size,
                                  .dtype = carrier.dtype,
                                  .bits = 16,
                                  .stored = count,
                                  .chunk = count,
                                  .shape = carrier.shape,
                                  .name = std::string_view(names).substr(number, 1)}));
      list.push_back(raw::raw_chunk({.tensor = number}, carrier.bytes));
      ++number;
      if (!carrier.operand) size += carrier.bytes.size();
    }
    // Four elements of U32, which a constant codec repeats from the four bytes of riders.
    const Buffer elements = raw::text("bbz!bbz!bbz!bbz!");
    list.push_back(raw::tensor({.number = number,
                                .offset = size,
                                .dtype = kU32,
                                .bits = 32,
                                .form = 3,
                                .group = 0,
                                .stored = 4,
                                .chunk = 4,
                                .shape = {4},
                                .name = "v"}));
    list.push_back(
        raw::chunk({.tensor = number, .codec = 4}, elements, Buffer(Carried{.length = 4})));
    std::uint32_t in_it = 1;
    for (const Carrier& carrier : carriers) in_it += carrier.operand ? 0 : 1;
    Archive archive;
    archive.records = in_file(std::move(list), in_it, size + elements.size());
    return archive.bytes();
  }
};

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
}

}  // namespace

void add_bits_back_vectors(Collector& c) {
  limit(c, "bits-back-width-limit", "the width of a rotation is within the limit", 8193, 1, 1, 0);
  limit(c, "bits-back-stored-limit", "a rotation has no more bits than what is stored", 64, 24, 64,
        7);
  group_payloads(c);
  carriers(c);
}

}  // namespace bbz::vectors
