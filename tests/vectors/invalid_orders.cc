// Archives that break two rules at once: the code is that of the rule that comes first.
#include "vectors/junction.h"

namespace bbz::vectors {
namespace {

// The limits on a rotation are of the group's width, and come before what the record says.
void rotations(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, const Junction& junction,
                           const char* code) {
    c.add_payload(name, rule, junction.archive(), "ok", code);
  };
  constexpr std::uint32_t kWide = 9000;
  const auto set_width = [](Junction& j, std::uint16_t width) {
    store_le<std::uint16_t>(j.record.data() + 6, width);
  };
  Junction record;
  set_width(record, kWide);
  refused("bits-back-record-width-only", "the limits are on the width of the group", record,
          "malformed");
  Junction group;
  group.width = kWide;
  refused("bits-back-group-width-limit", "the limits come before the width of the record", group,
          "limit");
  Junction version = group;
  version.record[0] = std::byte{2};
  refused("bits-back-version-and-width", "the limits come before the version", version, "limit");
  Junction bits;
  bits.record[0] = std::byte{2};
  bits.record[2] = std::byte{255};
  refused("bits-back-version-and-bits", "the bits are byte 2 of a record of any version", bits,
          "limit");
  Junction cut = group;
  set_width(cut, kWide);
  cut.record.resize(23);
  refused("bits-back-length-and-width", "the limits come before the length of the record", cut,
          "limit");
  Junction reserved = group;
  reserved.reserved = 1;
  refused("bits-back-reserved-and-width", "the group's reserved field comes before the limits",
          reserved, "unsupported");
}

// A form comes before a dtype.
void forms(Collector& c) {
  const auto refused = [&](const char* name, const char* rule, TensorFields tensor,
                           const Buffer& decoded) {
    std::vector<Record> list;
    // Its reserved field is set, which would be unsupported.
    if (tensor.form == 2)
      list.push_back(raw::group(0, 2, raw::Fields().u32(0).u32(1).u64(0).get()));
    const std::uint64_t bytes = tensor.shape[0] * tensor.shape[1] * tensor.bits / 8;
    list.push_back(raw::tensor(tensor));
    if (!decoded.empty()) list.push_back(raw::chunk({.codec = 3}, decoded, raw::text("?")));
    Archive archive;
    archive.records = in_file(list, 1, bytes);
    c.add_payload(name, rule, archive.bytes(), "ok", "malformed");
  };
  // Of three, six elements are stored, which are whole bytes.
  refused(
      "lower-bits-and-dtype", "the elements of a lower tensor are whole bytes",
      {.dtype = 250, .bits = 12, .form = 1, .stored = 6, .chunk = 6, .shape = {3, 4}, .name = "s"},
      raw::text("012345678"));
  refused("polar-rows-and-group", "a polar tensor has rows, whatever its group is",
          {.dtype = kF16, .bits = 16, .form = 2, .group = 0, .shape = {0, 2}, .name = "s"}, {});
  refused("polar-bits-and-dtype", "the elements of a polar tensor are whole bytes",
          {.dtype = 250, .bits = 12, .form = 2, .group = 0, .shape = {2, 2}, .name = "s"}, {});
}

// What is not known is held against its checks all the same.
void unknown_and_damaged(Collector& c) {
  const Buffer data = raw::text("01234567");
  const auto refused = [&](const char* name, const char* rule, TensorFields tensor,
                           const Record& chunk, std::uint64_t bytes, const char* stream) {
    Archive archive;
    tensor.chunk = tensor.stored;
    tensor.name = "t";
    archive.records = in_file({raw::tensor(tensor), chunk}, 1, bytes);
    c.add_payload(name, rule, archive.bytes(), stream, "checksum");
  };
  Record damaged = raw::chunk({.codec = 100}, data, raw::text("?"));
  damaged.says_payload_check = 1;
  refused("unknown-codec-payload", "a payload of an unknown codec is under its check",
          {.stored = 8, .shape = {8}}, damaged, 8, "checksum");
  damaged = raw::raw_chunk({}, data);
  damaged.says_payload_check = 1;
  refused("unknown-form-payload", "a payload of an unknown form is under its check",
          {.form = 9, .stored = 8, .shape = {8}}, damaged, 8, "checksum");
  refused("unknown-dtype-decoded", "elements of an unknown dtype are under their checksum",
          {.dtype = 250, .bits = 32, .stored = 2, .shape = {2}},
          raw::chunk({}, raw::text("0123456!"), data), 8, "ok");
  refused("unknown-dtype-lower-decoded", "elements of an unknown dtype are under their checksum",
          {.dtype = 250, .bits = 16, .form = 1, .stored = 3, .shape = {2, 3}},
          raw::chunk({}, raw::text("01234!"), raw::text("012345")), 12, "ok");
}

// What comes first in the container, and of a fault of content and one of structure.
void container(Collector& c) {
  c.with_front(true);
  c.edit(
      "front-index-checksum", "both indexes are equal, and a list has its checksum",
      [](Archive& a) { a.edit_front_fields = [](auto& f) { f.list_checksum ^= 1; }; }, "malformed",
      "checksum");
  c.with_front(false);
  Archive archive;
  archive.records = in_file({raw::tensor({.stored = 8, .chunk = 8, .shape = {8}, .name = "t"}),
                             raw::raw_chunk({}, raw::text("01234567"))},
                            1, 8);
  const auto inside = static_cast<std::ptrdiff_t>(archive.offset_of(2) - 4);
  Buffer inserted = archive.bytes();
  inserted.insert(inserted.begin() + inside, std::byte{'?'});
  c.add("payload-byte-inserted", "a record begins where the one before it ends", inserted,
        "malformed");
}

}  // namespace

void add_order_vectors(Collector& c) {
  c.records("file-kind-and-number", "the kind of a file comes before its number",
            {raw::file(1, "f", 2), raw::file_end(1, 0, 0)}, "unsupported");
  c.records("path-and-number", "the path of a file comes before its number",
            {raw::file(1, "../f"), raw::file_end(1, 0, 0)}, "unsafe-path");
  rotations(c);
  forms(c);
  unknown_and_damaged(c);
  container(c);
}

}  // namespace bbz::vectors
