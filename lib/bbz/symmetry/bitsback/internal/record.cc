#include "bbz/symmetry/bitsback/internal/record.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "bbz/base/format.h"
#include "bbz/base/hash.h"
#include "bbz/base/wire.h"
#include "bbz/symmetry/bitsback/internal/header.h"
#include "bbz/symmetry/bitsback/internal/range_coder.h"

namespace bbz::bitsback {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint32_t kMostCorrection = 1U << 29;  // whole steps

constexpr std::uint32_t zigzag(std::int32_t value) {
  return static_cast<std::uint32_t>(value) << 1 ^ static_cast<std::uint32_t>(value >> 31);
}
constexpr std::int64_t unzigzag(std::uint32_t code) {
  return (code & 1) != 0 ? -static_cast<std::int64_t>(code >> 1) - 1
                         : static_cast<std::int64_t>(code >> 1);
}

// Encodes row exponents, each as the difference from the one before, the first from 0.
void put_row_exponents(RangeEncoder& out, std::span<const std::int8_t> exponents) {
  NumberModel model;
  int before = 0;
  for (const std::int8_t exponent : exponents) {
    model.put(out, zigzag(exponent - before));
    before = exponent;
  }
}

Status get_row_exponents(RangeDecoder& in, std::span<std::int8_t> exponents) {
  NumberModel model;
  std::int64_t before = 0;
  for (std::int8_t& exponent : exponents) {
    before += unzigzag(model.get(in));
    if (std::abs(before) > kMostRowExponent) {
      return make_error(Code::kMalformed, "bits-back record: row exponent {} is not in ±{}", before,
                        kMostRowExponent);
    }
    exponent = static_cast<std::int8_t>(before);
  }
  return {};
}

// Returns the Rice parameter for the mean gap: about log2 of ln 2 times the mean.
int rice_parameter(std::uint64_t decisions, std::uint64_t count) {
  const std::uint64_t typical = decisions / count * 11 / 16;
  return std::min(31, std::max(0, static_cast<int>(std::bit_width(typical)) - 1));
}

// Encodes listed decisions: their count, and for each the gap from the one before as a Rice code,
// and its direction.
void put_listed(RangeEncoder& out, std::span<const Listed> listed, std::uint64_t decisions) {
  NumberModel().put(out, static_cast<std::uint32_t>(listed.size()));
  if (listed.empty()) return;
  const int rice = rice_parameter(decisions, listed.size());
  std::uint64_t next = 0;
  for (const Listed& one : listed) {
    const std::uint64_t gap = one.index - next;
    for (std::uint64_t i = gap >> rice; i > 0; --i) out.put_raw(1, 1);
    out.put_raw(0, 1);
    out.put_raw(static_cast<std::uint32_t>(gap), rice);
    out.put_raw(one.upper ? 1 : 0, 1);
    next = one.index + 1;
  }
}

Result<std::vector<Listed>> get_listed(RangeDecoder& in, std::uint64_t decisions) {
  std::vector<Listed> listed;
  const std::uint32_t count = NumberModel().get(in);
  if (count == 0) return listed;
  if (count > decisions) {
    return make_error(Code::kMalformed, "bits-back record: {} listed decisions of {}", count,
                      decisions);
  }
  const int rice = rice_parameter(decisions, count);
  std::uint64_t next = 0;
  for (std::uint32_t i = 0; i < count && !in.starved(); ++i) {
    std::uint64_t gap = 0;
    while (gap < decisions && in.get_raw(1) == 1) gap += std::uint64_t{1} << rice;
    gap += in.get_raw(rice);
    const bool upper = in.get_raw(1) == 1;
    if (gap >= decisions - next) {
      return make_error(Code::kMalformed,
                        "bits-back record: listed decision {} is past the last, {}", next + gap,
                        decisions - 1);
    }
    listed.push_back({next + gap, upper});
    next += gap + 1;
  }
  return listed;
}

// Models a correction: whether it is odd, and the size and sign of its half, rounded down.
struct CorrectionModel {
  BitModel odd;
  NumberModel size;
  BitModel negative;
};

void put_corrections(RangeEncoder& out, std::span<const std::int32_t> corrections) {
  CorrectionModel model;
  for (const std::int32_t correction : corrections) {
    const std::int32_t half = correction >> 1;
    out.put(model.odd, (correction & 1) != 0);
    model.size.put(out, static_cast<std::uint32_t>(std::abs(half)));
    if (half != 0) out.put(model.negative, half < 0);
  }
}

Status get_corrections(RangeDecoder& in, std::span<std::int32_t> corrections) {
  CorrectionModel model;
  for (std::int32_t& correction : corrections) {
    const bool odd = in.get(model.odd);
    const std::uint32_t size = model.size.get(in);
    if (size > kMostCorrection) {
      return make_error(Code::kMalformed, "bits-back record: a correction of {} steps", size);
    }
    const bool negative = size != 0 && in.get(model.negative);
    const auto half = static_cast<std::int32_t>(size);
    correction = 2 * (negative ? -half : half) + (odd ? 1 : 0);
    if (in.starved()) break;
  }
  return {};
}

}  // namespace

std::vector<std::byte> encode_record(const Record& record) {
  RangeEncoder coded;
  put_row_exponents(coded, record.row_exponents);
  put_listed(coded, record.listed, decision_count(record.width, record.columns));
  put_corrections(coded, record.corrections);
  const std::vector<std::byte> code = coded.finish();

  std::vector<std::byte> bytes;
  bytes.reserve(kHeaderSize + code.size());
  WireWriter out(bytes);
  out.put(kVersion);
  out.put(record.seed);
  out.put(static_cast<std::uint8_t>(record.grid.bits));
  out.put(static_cast<std::uint8_t>(record.grid.scale));
  out.put(static_cast<std::uint8_t>(record.grid.shift));
  out.put(std::uint8_t{0});
  out.put(static_cast<std::uint16_t>(record.width));
  out.put(static_cast<std::uint32_t>(record.columns));
  out.put(static_cast<std::uint32_t>(record.payload_size));
  out.put(record.payload_checksum);

  out.put_bytes(code);
  return bytes;
}

Result<Record> decode_record(Bytes bytes, std::uint64_t width, std::uint64_t columns) {
  if (bytes.size() < kHeaderSize) {
    return make_error(Code::kTruncated,
                      "bits-back record: {} bytes, expected at least the {} of its header",
                      bytes.size(), kHeaderSize);
  }
  WireReader in(bytes);
  Record record;
  if (const auto version = in.get<std::uint8_t>(); version != kVersion) {
    return make_error(Code::kUnsupported, "bits-back record: version {}, expected {}", version,
                      kVersion);
  }
  record.seed = in.get<std::uint8_t>();
  record.grid.bits = in.get<std::uint8_t>();
  record.grid.scale = in.get<std::uint8_t>();
  record.grid.shift = in.get<std::uint8_t>();
  if (const auto reserved = in.get<std::uint8_t>(); reserved != 0) {
    return make_error(Code::kUnsupported, "bits-back record: reserved byte is {:#04x}, expected 0",
                      reserved);
  }
  record.width = in.get<std::uint16_t>();
  record.columns = in.get<std::uint32_t>();
  record.payload_size = in.get<std::uint32_t>();
  record.payload_checksum = in.get<std::uint64_t>();
  if (record.width != width || record.columns != columns) {
    return make_error(Code::kMalformed,
                      "bits-back record: for {} carrier rows of width {}, found {} of width {}",
                      record.columns, record.width, columns, width);
  }
  if (width < 2 || columns < width) {
    return make_error(Code::kMalformed,
                      "bits-back record: {} carrier rows do not fix a rotation of width {}",
                      columns, width);
  }
  if (!valid(record.grid)) {
    return make_error(Code::kMalformed,
                      "bits-back record: grid of {} bits, scale {} and shift {} is out of range",
                      record.grid.bits, record.grid.scale, record.grid.shift);
  }
  if (record.payload_size > capacity_bits(width, record.grid.bits) / 8) {
    return make_error(Code::kMalformed, "bits-back record: {} bytes of payload, the limit is {}",
                      record.payload_size, capacity_bits(width, record.grid.bits) / 8);
  }

  RangeDecoder coded(in.get_bytes(in.remaining()));
  record.row_exponents.resize(width);
  BBZ_TRY(get_row_exponents(coded, record.row_exponents));
  BBZ_ASSIGN(record.listed, get_listed(coded, decision_count(width, columns)));
  record.corrections.resize(degrees_of_freedom(width));
  BBZ_TRY(get_corrections(coded, record.corrections));
  if (coded.starved()) {
    return make_error(Code::kTruncated, "bits-back record: {} bytes end before the correction code",
                      bytes.size());
  }
  if (!coded.finished()) {
    return make_error(Code::kMalformed, "bits-back record: bytes follow its end");
  }
  return record;
}

Result<std::vector<std::byte>> read_payload(const Record& record, const Matrix& frame) {
  BBZ_ASSIGN(const Matrix parameters, parameters_of(frame));
  BBZ_ASSIGN(const auto coordinates, coordinates_from(record.grid, parameters, record.corrections));
  BBZ_ASSIGN(auto payload,
             payload_of(coordinates, record.grid.bits, record.seed, record.payload_size));
  if (const std::uint64_t found = xxh3_64(payload); found != record.payload_checksum) {
    return make_error(Code::kChecksum, "bits-back: payload checksum {:#018x}, computed {:#018x}",
                      record.payload_checksum, found);
  }
  return payload;
}

}  // namespace bbz::bitsback
