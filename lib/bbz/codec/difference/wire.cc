#include "bbz/codec/difference/wire.h"

#include "bbz/base/format.h"
#include "bbz/codec/split/wire.h"

namespace bbz::codec::difference {

std::size_t header_size(const Header& header) {
  return 21 + 4 * static_cast<std::size_t>(header.streams());
}

void put_header(const Header& header, const Classes& classes, WireWriter& out) {
  out.put(kFloatForm);
  out.put(header.lanes_log2);
  out.put(static_cast<std::uint8_t>(classes.tables));
  out.put(classes.live);
  out.put(classes.reference);
  out.put(header.low_size);
  out.put(header.escape_count);
  out.put(header.whole_count);
  out.put(header.patch_count);
  for (int i = 0; i < header.streams(); ++i) out.put(header.stream_size[i]);
}

Result<Header> get_header(WireReader& in, Classes& classes) {
  Header header;
  const auto form = in.get<std::uint8_t>();
  header.lanes_log2 = in.get<std::uint8_t>();
  classes.tables = in.get<std::uint8_t>();
  classes.live = in.get<std::uint8_t>();
  classes.reference = in.get<std::uint8_t>();
  header.low_size = in.get<std::uint32_t>();
  header.escape_count = in.get<std::uint32_t>();
  header.whole_count = in.get<std::uint32_t>();
  header.patch_count = in.get<std::uint32_t>();
  if (!in.ok()) {
    return error_with_message(Code::kMalformed, "difference: payload ends in the header");
  }
  if (form != kFloatForm) {
    return make_error(Code::kUnsupported, "difference: unknown form {}", form);
  }
  if (header.lanes_log2 < split::kMinLanesLog2 || header.lanes_log2 > split::kMaxLanesLog2) {
    return make_error(Code::kMalformed, "difference: lanes is {}, expected {} to {}",
                      header.lanes_log2, split::kMinLanesLog2, split::kMaxLanesLog2);
  }
  if (classes.tables < 1 || classes.tables > kMaxTables) {
    return make_error(Code::kMalformed, "difference: tables is {}, expected 1 to {}",
                      classes.tables, kMaxTables);
  }
  if (classes.live >> classes.tables != 0) {
    return make_error(Code::kMalformed, "difference: live tables {:#x}, but there are {} tables",
                      classes.live, classes.tables);
  }
  for (int i = 0; i < header.streams(); ++i) header.stream_size[i] = in.get<std::uint32_t>();
  if (!in.ok()) {
    return error_with_message(Code::kMalformed, "difference: payload ends in the header");
  }
  return header;
}

void put_tables(const Classes& classes, const Tables& tables, WireWriter& out) {
  for (int t = 1; t < classes.tables; ++t) out.put(classes.first[t]);
  for (int t = 0; t < classes.tables; ++t) {
    if (classes.is_live(t)) split::put_table(tables[t], out);
  }
}

Result<Tables> get_tables(WireReader& in, Classes& classes) {
  classes.first.fill(0);
  for (int t = 1; t < classes.tables; ++t) {
    classes.first[t] = in.get<std::uint8_t>();
    if (!in.ok()) {
      return error_with_message(Code::kMalformed, "difference: payload ends in the tables");
    }
    if (classes.first[t] <= classes.first[t - 1] ||
        classes.first[t] >> classes.exponent_bits != 0) {
      return make_error(Code::kMalformed,
                        "difference: table {} from exponent {} on, after one from {} on", t,
                        classes.first[t], classes.first[t - 1]);
    }
  }
  Tables tables{};
  for (int t = 0; t < classes.tables; ++t) {
    if (!classes.is_live(t)) continue;
    BBZ_ASSIGN(tables[t], split::get_table(in, "difference"));
  }
  return tables;
}

}  // namespace bbz::codec::difference
