// Archives with bits-back groups that nothing needs, that others stand between, and whose code may
// be stored in several ways.
#include "vectors/codec_payloads.h"
#include "vectors/maker.h"

namespace bbz::vectors {
namespace {

raw::Record rotation(std::uint32_t number, std::uint32_t width, const Buffer& record,
                     unsigned carriers = 1, unsigned reserved = 0) {
  return raw::group(number, 3,
                    Buffer(raw::Fields().u32(width).u16(carriers).u16(reserved).bytes(record)));
}

const char* const kRepeated = "bbz!bbz!bbz!bbz!";

// Riders without carried chunks do not need their group, which may be of any content that can be
// parsed.
Valid not_carried() {
  Maker m("form-rider-not-carried");
  m.begin_file("t.bin");
  m.archive.records.push_back(rotation(0, 3, {}));
  m.tensor("of a group without a record", kU32, 32, {4}, raw::text(kRepeated),
           {.coded = {{1, raw::text("bbz!")}}, .form = 3, .group = 0});
  Buffer later = example_record();
  later[0] = std::byte{2};
  m.archive.records.push_back(rotation(1, 3, later, 1, 1));
  m.tensor("of a later version", kU8, 8, {9}, raw::text("012345678"),
           {.chunk = 4, .form = 3, .group = 1});
  m.archive.records.push_back(rotation(2, 9000, example_record()));
  m.bytes("of a width over the limit", {.form = 3, .group = 2});
  m.archive.records.push_back(rotation(3, 3, example_record(), 0xFFFF));
  m.tensor("of carriers that are not there", kF16, 16, {2, 2}, raw::text("01234567"),
           {.form = 3, .group = 3});
  m.tensor("of no elements", kF16, 16, {0, 2}, {}, {.form = 3, .group = 3});
  m.end_file();
  return m.finish();
}

// The carriers follow their group, and other groups, whose tensors come earlier or are none.
Valid groups_between() {
  Maker m("form-rider-groups-between");
  m.begin_file("t.bin");
  const Buffer identity = raw::Fields().u16(0x3C00).u16(0).u16(0).u16(0x3C00);
  m.archive.records.push_back(example_group());
  m.archive.records.push_back(
      raw::group(1, 2, Buffer(raw::Fields().u32(0).u32(0).u64(xxh3_64(identity)))));
  m.archive.records.push_back(raw::group(2, 9, raw::text("of a method that is not known")));
  m.tensor("w", kF16, 16, {6, 3}, example_carrier());
  m.tensor("s", kF16, 16, {2, 2}, identity, {.kept = Buffer(), .form = 2, .group = 1});
  m.tensor("v", kU32, 32, {4}, raw::text(kRepeated),
           {.coded = {{4, Carried{.length = 4}}}, .form = 3, .group = 0});
  m.end_file();
  return m.finish();
}

// A decoder reads zeros behind the end of the code: three here, which may be stored.
Valid code_zeros() {
  Maker m("form-rider-code-zeros");
  m.begin_file("t.bin");
  for (std::uint32_t zeros = 0; zeros < 4; ++zeros) {
    Buffer record = example_record();
    record.resize(record.size() + zeros);
    m.archive.records.push_back(rotation(zeros, 3, record));
    const std::string number = std::to_string(zeros);
    m.tensor("w" + number, kF16, 16, {6, 3}, example_carrier());
    m.tensor("v" + number, kU32, 32, {4}, raw::text(kRepeated),
             {.coded = {{4, Carried{.length = 4}}}, .form = 3, .group = zeros});
  }
  m.end_file();
  return m.finish();
}

}  // namespace

std::vector<Valid> valid_rider_vectors() {
  return {not_carried(), groups_between(), code_zeros()};
}

}  // namespace bbz::vectors
