#include "bbz/codec/number/wire.h"

#include "bbz/base/format.h"

namespace bbz::codec::number {
namespace {

// Returns whether elements of this kind may have so many bits, and so many below an exponent.
bool is_valid(const Model& model) {
  const int bits = model.bits;
  const int below = model.float_bits;
  if (bits != 4 && bits != 8 && bits != 16 && bits != 32 && bits != 64) return false;
  switch (model.kind) {
    case Kind::kFloat:
      return bits >= 8 && below >= 1 && below <= bits - 2;
    case Kind::kInteger:
      return below == 0;
    case Kind::kScaled:
      return (bits == 32 && below == 23) || (bits == 16 && (below == 7 || below == 10));
    default:
      return bits >= 8 && below <= 1;
  }
}

// A field of the header, and the range that it must be in.
struct Field {
  const char* name;
  unsigned value;
  unsigned least;
  unsigned most;
};

}  // namespace

std::size_t header_size(const Header& header) {
  return 36 + 4 * static_cast<std::size_t>(header.streams());
}

void put_header(const Header& header, WireWriter& out) {
  const Model& model = header.model;
  out.put(kForm);
  out.put(static_cast<std::uint8_t>(model.kind));
  out.put(static_cast<std::uint8_t>(model.bits));
  out.put(static_cast<std::uint8_t>(model.float_bits));
  out.put(static_cast<std::uint8_t>(model.precision));
  out.put(static_cast<std::uint8_t>(model.top_bits));
  out.put(static_cast<std::uint8_t>(model.sign_bits));
  out.put(header.lanes_log2);
  out.put(header.tables);
  out.put(header.row_bits);
  out.put(header.column_bits);
  out.put(header.floor_bits);
  out.put(header.base);
  out.put(static_cast<std::uint8_t>(header.centres));
  out.put(header.floor);
  out.put(header.width);
  out.put(header.first);
  out.put(header.low_size);
  out.put(header.escape_count);
  out.put(header.whole_count);
  for (int i = 0; i < header.streams(); ++i) out.put(header.stream_size[i]);
}

Result<Header> get_header(WireReader& in) {
  Header header;
  Model& model = header.model;
  // Whatever comes after them is only known of this form and these kinds.
  const auto form = in.get<std::uint8_t>();
  if (in.ok() && form != kForm) {
    return make_error(Code::kUnsupported, "split number: unknown form {}", form);
  }
  const auto kind = in.get<std::uint8_t>();
  if (in.ok() && kind > static_cast<std::uint8_t>(Kind::kScaled)) {
    return make_error(Code::kUnsupported, "split number: unknown kind {}", kind);
  }
  model.bits = in.get<std::uint8_t>();
  model.float_bits = in.get<std::uint8_t>();
  model.precision = in.get<std::uint8_t>();
  model.top_bits = in.get<std::uint8_t>();
  model.sign_bits = in.get<std::uint8_t>();
  header.lanes_log2 = in.get<std::uint8_t>();
  header.tables = in.get<std::uint8_t>();
  header.row_bits = in.get<std::uint8_t>();
  header.column_bits = in.get<std::uint8_t>();
  header.floor_bits = in.get<std::uint8_t>();
  header.base = in.get<std::uint16_t>();
  const auto centres = in.get<std::uint8_t>();
  header.floor = in.get<std::uint8_t>();
  header.width = in.get<std::uint32_t>();
  header.first = in.get<std::uint32_t>();
  header.low_size = in.get<std::uint32_t>();
  header.escape_count = in.get<std::uint32_t>();
  header.whole_count = in.get<std::uint32_t>();
  if (!in.ok()) {
    return error_with_message(Code::kMalformed, "split number: payload ends in the header");
  }
  model.kind = static_cast<Kind>(kind);
  if (!is_valid(model)) {
    return make_error(Code::kMalformed,
                      "split number: elements of {} bits, {} of them below an exponent, of kind {}",
                      model.bits, model.float_bits, kind);
  }
  const bool has_centres = model.kind == Kind::kInteger || model.kind == Kind::kScaled;
  const auto unsigned_of = [](int value) { return static_cast<unsigned>(value); };
  for (const Field& field : std::array<Field, 12>{{
           {"precision", unsigned_of(model.precision), 0, kMaxPrecision},
           {"top bits", unsigned_of(model.top_bits), 0, kMaxTopBits},
           {"sign bits", unsigned_of(model.sign_bits), 0, 1},
           {"lanes", header.lanes_log2, split::kMinLanesLog2, split::kMaxLanesLog2},
           {"tables", header.tables, 1, split::kMaxTables},
           {"row bits", header.row_bits, 0, kMaxFieldBits},
           {"column bits", header.column_bits, 0, kMaxFieldBits},
           {"floor bits", header.floor_bits, 0, kMaxFieldBits},
           {"row bits and floor bits", header.row_bits + unsigned{header.floor_bits}, 0,
            kMaxRowFieldBits},
           {"centres", centres, 0, has_centres ? 2U : 0U},
           {"width", header.width, 1, split::kMaxWidth},
           {"first", header.first, 0, header.width - (header.width == 0 ? 0 : 1)},
       }}) {
    if (field.value < field.least || field.value > field.most) {
      return make_error(Code::kMalformed, "split number: {} is {}, expected {} to {}", field.name,
                        field.value, field.least, field.most);
    }
  }
  header.centres = static_cast<Centres>(centres);
  for (int i = 0; i < header.streams(); ++i) header.stream_size[i] = in.get<std::uint32_t>();
  if (!in.ok()) {
    return error_with_message(Code::kMalformed, "split number: payload ends in the header");
  }
  return header;
}

}  // namespace bbz::codec::number
