#include "bbz/codec/split/wire.h"

#include "bbz/base/format.h"

namespace bbz::codec::split {
namespace {

constexpr const char* kName = "split float";

Status check_range(const char* field, std::uint64_t value, std::uint64_t low, std::uint64_t high,
                   const char* codec = kName) {
  if (value >= low && value <= high) return {};
  return make_error(Code::kMalformed, "{}: {} is {}, expected {} to {}", codec, field, value, low,
                    high);
}

Error truncated(const char* part, const char* codec = kName) {
  return make_error(Code::kMalformed, "{}: payload ends in the {}", codec, part);
}

}  // namespace

void put_header(const Header& header, WireWriter& out) {
  out.put(header.form);
  out.put(header.top_bits);
  out.put(header.lanes_log2);
  out.put(header.tables);
  out.put(header.row_bits);
  out.put(header.column_bits);
  out.put(header.base);
  out.put(header.width);
  out.put(header.first);
  out.put(header.escape_count);
  out.put(header.patch_count);
  for (int i = 0; i < header.streams(); ++i) out.put(header.stream_size[i]);
}

Result<Header> get_header(WireReader& in) {
  Header header;
  header.form = in.get<std::uint8_t>();
  if (!in.ok()) return truncated("header");
  if (header.form != kForm) {
    return make_error(Code::kUnsupported, "split float: unknown form {}", header.form);
  }
  header.top_bits = in.get<std::uint8_t>();
  header.lanes_log2 = in.get<std::uint8_t>();
  header.tables = in.get<std::uint8_t>();
  header.row_bits = in.get<std::uint8_t>();
  header.column_bits = in.get<std::uint8_t>();
  header.base = in.get<std::uint16_t>();
  header.width = in.get<std::uint32_t>();
  header.first = in.get<std::uint32_t>();
  header.escape_count = in.get<std::uint32_t>();
  header.patch_count = in.get<std::uint32_t>();
  if (!in.ok()) return truncated("header");
  if (header.top_bits > kMaxTopBits) {
    return make_error(Code::kUnsupported, "split float: {} top bits are not supported",
                      header.top_bits);
  }
  BBZ_TRY(check_range("lanes", header.lanes_log2, kMinLanesLog2, kMaxLanesLog2));
  BBZ_TRY(check_range("tables", header.tables, 1, kMaxTables));
  BBZ_TRY(check_range("row bits", header.row_bits, 0, kMaxShiftBits));
  BBZ_TRY(check_range("column bits", header.column_bits, 0, kMaxShiftBits));
  BBZ_TRY(check_range("width", header.width, 1, kMaxWidth));
  BBZ_TRY(check_range("first column", header.first, 0, header.width - 1));
  for (int i = 0; i < header.streams(); ++i) header.stream_size[i] = in.get<std::uint32_t>();
  if (!in.ok()) return truncated("header");
  return header;
}

std::size_t header_size(const Header& header) {
  return 24 + 4 * static_cast<std::size_t>(header.streams());
}

void put_table(const Frequencies& frequencies, WireWriter& out) {
  int count = kMaxSymbols;
  while (frequencies[count - 1] == 0) --count;
  out.put(static_cast<std::uint8_t>(count));
  for (int i = 0; i < count; ++i) out.put(frequencies[i]);
}

Result<Frequencies> get_table(WireReader& in, const char* codec) {
  const int count = in.get<std::uint8_t>();
  if (!in.ok()) return truncated("tables", codec);
  BBZ_TRY(check_range("symbols of a table", count, 1, kMaxSymbols, codec));
  Frequencies frequencies{};
  int sum = 0;
  for (int i = 0; i < count; ++i) {
    frequencies[i] = in.get<std::uint8_t>();
    sum += frequencies[i];
  }
  if (!in.ok()) return truncated("tables", codec);
  if (frequencies[count - 1] == 0) {
    return make_error(Code::kMalformed, "{}: a table ends in a frequency of 0", codec);
  }
  BBZ_TRY(check_range("sum of a table", sum, 1, kSlots, codec));
  frequencies[kEscapeIndex] = static_cast<std::uint8_t>(kSlots - sum);
  return frequencies;
}

void put_fields(const std::vector<std::uint16_t>& values, int bits, WireWriter& out) {
  std::uint32_t pending = 0;
  int filled = 0;
  for (const std::uint16_t value : values) {
    pending |= std::uint32_t{value} << filled;
    for (filled += bits; filled >= 8; filled -= 8) {
      out.put(static_cast<std::uint8_t>(pending));
      pending >>= 8;
    }
  }
  if (filled > 0) out.put(static_cast<std::uint8_t>(pending));
}

Status get_fields(WireReader& in, std::uint64_t count, int bits, std::vector<std::uint16_t>& values,
                  const char* codec) {
  const Bytes bytes = in.get_bytes(divide_up(count * static_cast<std::uint64_t>(bits), 8));
  if (!in.ok()) return truncated("rows and columns", codec);
  values.resize(count);
  const std::uint32_t mask = (std::uint32_t{1} << bits) - 1;
  std::uint32_t pending = 0;
  int filled = 0;
  std::size_t at = 0;
  for (std::uint16_t& value : values) {
    for (; filled < bits; filled += 8) {
      pending |= std::to_integer<std::uint32_t>(bytes[at++]) << filled;
    }
    value = static_cast<std::uint16_t>(pending & mask);
    pending >>= bits;
    filled -= bits;
  }
  if (pending != 0) {
    return make_error(Code::kMalformed, "{}: unused bits after rows or columns are not zero",
                      codec);
  }
  return {};
}

}  // namespace bbz::codec::split
