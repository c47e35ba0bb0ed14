#include "vectors/number_payload.h"

#include <bit>
#include <cmath>
#include <stdexcept>

namespace bbz::vectors {
namespace {

using raw::Buffer;
using raw::Fields;
using u64 = std::uint64_t;

constexpr u64 low_bits(unsigned bits) {
  return bits >= 64 ? ~u64{0} : (u64{1} << bits) - 1;
}

// What a plan means for each element.
struct NumberScheme {
  explicit NumberScheme(const NumberPlan& p) : plan(p) {
    for (const auto& frequencies : p.tables) tables.emplace_back(frequencies);
    places = p.kind == kFloat ? p.mantissa_bits : p.kind == kScaled ? 15 : p.element_bits - 1;
    mask = low_bits(p.element_bits);
    sign = u64{1} << (p.element_bits - 1);
  }
  u64 row(u64 i) const { return (plan.first + i) / plan.width; }
  const Table& table(u64 i) const { return tables[repeated(plan.row_table, row(i))]; }
  unsigned origin(u64 i) const {
    const unsigned shift = repeated(plan.row_shift, row(i)) +
                           repeated(plan.column_shift, (plan.first + i) % plan.width);
    return plan.base + (shift << (plan.top_bits + plan.sign_bits));
  }
  u64 centre(u64 i) const {
    return plan.row_centre.empty() ? 0 : plan.row_centre[row(i) % plan.row_centre.size()];
  }
  unsigned lead(unsigned x) const { return std::min(x, places); }
  unsigned depth(u64 i, unsigned x) const {
    const unsigned floor = plan.floor + repeated(plan.row_floor, row(i));
    return std::min({lead(x), plan.precision, x > floor ? x - floor : 0});
  }
  unsigned key(u64 i, unsigned symbol) const {
    return (origin(i) + symbol - (symbol < kFirstBelow ? 2 : 255)) & 0xFFFF;
  }
  unsigned class_of(u64 i, unsigned symbol) const {
    return key(i, symbol) >> (plan.top_bits + plan.sign_bits);
  }
  static bool has_key(unsigned symbol) { return symbol > kMinusZero && symbol != kWhole; }
  // The number of lower bits that are stored, with the sign.
  unsigned stored_bits(u64 i, unsigned symbol) const {
    if (!has_key(symbol)) return 0;
    const unsigned p = depth(i, class_of(i, symbol));
    return 1 - plan.sign_bits + (p > plan.top_bits ? p - plan.top_bits : 0);
  }

  struct Number {
    bool negative = false;
    u64 magnitude = 0;
    bool operator==(const Number&) const = default;
  };
  Number number(u64 i, const Item& item) const {
    if (!has_key(item.symbol)) return {item.symbol == kMinusZero, 0};
    const unsigned k = key(i, item.symbol);
    const unsigned x = class_of(i, item.symbol);
    const u64 top = k >> plan.sign_bits & low_bits(plan.top_bits);
    const unsigned digits = lead(x);
    const unsigned p = depth(i, x);
    u64 f =
        digits >= plan.top_bits ? top << (digits - plan.top_bits) : top >> (plan.top_bits - digits);
    if (p > plan.top_bits) f += item.lower >> (1 - plan.sign_bits) << (digits - p);
    const u64 sign_bit = plan.sign_bits != 0 ? k : item.lower;
    return {(sign_bit & 1) != 0, (x < places ? u64{1} << x : u64{x - places + 1} << places) + f};
  }
  // The item of a number, whole if no symbol can say it.
  Item item(u64 i, const Number& wanted, u64 element) const {
    const Item whole{.symbol = kWhole, .whole = element};
    const u64 magnitude = wanted.magnitude;
    if (magnitude == 0) return {.symbol = wanted.negative ? kMinusZero : kZero};
    const bool low = magnitude >> places == 0;
    const u64 x = low ? std::bit_width(magnitude) - 1 : (magnitude >> places) + places - 1;
    if (x > 0xFFFF) return whole;
    const u64 f = magnitude & low_bits(low ? static_cast<unsigned>(x) : places);
    const unsigned digits = lead(static_cast<unsigned>(x));
    const unsigned p = depth(i, static_cast<unsigned>(x));
    const u64 top =
        digits >= plan.top_bits ? f >> (digits - plan.top_bits) : f << (plan.top_bits - digits);
    u64 k = x << plan.top_bits | top;
    if (plan.sign_bits != 0) k = k << 1 | (wanted.negative ? 1 : 0);
    const u64 relative = (k - origin(i)) & 0xFFFF;
    const u64 symbol = relative + 2 < kFirstBelow ? relative + 2 : (relative + 255) & 0xFFFF;
    const bool below = symbol >= kFirstBelow && symbol < kWhole;
    Item found{.symbol = static_cast<unsigned>(symbol)};
    if (p > plan.top_bits) found.lower = f >> (digits - p) & low_bits(p - plan.top_bits);
    if (plan.sign_bits == 0) found.lower = found.lower << 1 | (wanted.negative ? 1 : 0);
    const bool coded = (relative + 2 < kFirstBelow || below) && can_code(i, found.symbol);
    return coded && number(i, found) == wanted ? found : whole;
  }
  bool can_code(u64 i, unsigned symbol) const {
    const auto& frequency = table(i).frequency;
    return frequency[kEscape] != 0 || (symbol < kEscape && frequency[symbol] != 0);
  }

  // The order of an element, or the element of this order.
  u64 turn(u64 element) const {
    return plan.mantissa_bits != 0 && (element & sign) != 0 ? element ^ (sign - 1) : element;
  }
  // What the value of element `i` is added to, in kinds 1 to 3.
  u64 expected(u64 i, const std::vector<u64>& elements) const {
    if (plan.kind == kInteger) return centre(i);
    const u64 width = plan.width;
    const auto order = [&](u64 rows) {
      return i >= rows * width ? turn(elements[i - rows * width]) : 0;
    };
    if (plan.kind == kFirst || i < 2 * width) return order(1);
    return 2 * order(1) - order(2);
  }
  u64 element(u64 i, const Item& item, const std::vector<u64>& before) const {
    if (item.symbol == kWhole) return item.whole;
    const auto [negative, magnitude] = number(i, item);
    if (plan.kind == kFloat) return (negative ? sign : 0) | (magnitude & (sign - 1));
    const u64 value = negative ? 0 - magnitude : magnitude;
    if (plan.kind != kScaled) return turn((expected(i, before) + value) & mask);
    if (item.symbol == kMinusZero) return sign;
    const auto number = static_cast<std::int16_t>((centre(i) + value) & 0xFFFF);
    return scaled(static_cast<float>(number) * plan.row_scale[row(i) % plan.row_scale.size()]);
  }
  // The bits of the element nearest to a number.
  u64 scaled(float number) const {
    if (plan.mantissa_bits == 23) return std::bit_cast<std::uint32_t>(number);
    const int digits = static_cast<int>(plan.mantissa_bits);
    const int bias = (1 << (14 - digits)) - 1;
    const u64 infinity = low_bits(15 - plan.mantissa_bits) << digits;
    u64 bits = infinity;
    if (std::isfinite(number)) {
      const int exponent = number == 0 ? 1 - bias : std::max(std::ilogb(number), 1 - bias);
      // Exact as a double; rounding it is that of ties to even.
      const double units = std::nearbyint(std::scalbn(std::abs(double{number}), digits - exponent));
      bits = std::min((static_cast<u64>(exponent + bias - 1) << digits) + static_cast<u64>(units),
                      infinity);
    }
    return bits | (std::signbit(number) ? sign : 0);
  }

  const NumberPlan& plan;
  std::vector<Table> tables;
  unsigned places = 0;
  u64 mask = 0, sign = 0;
};

void put_fields(const NumberPlan& plan, u64 rows, NumberParts& parts) {
  const auto table_bits = static_cast<unsigned>(std::bit_width(plan.tables.size() - 1));
  BitWriter fields;
  for (u64 r = 0; r < rows; ++r) {
    fields.put(repeated(plan.row_table, r), table_bits);
    fields.put(repeated(plan.row_shift, r), plan.row_bits);
    fields.put(repeated(plan.row_floor, r), plan.floor_bits);
  }
  parts.rows = fields.get();
  BitWriter shifts;
  for (u64 c = 0; plan.column_bits != 0 && c < plan.width; ++c) {
    shifts.put(repeated(plan.column_shift, c), plan.column_bits);
  }
  parts.columns = shifts.get();
  const unsigned size = plan.kind == kScaled ? 2 : (plan.element_bits + 7) / 8;
  const u64 centres = plan.centres == 2 ? rows : plan.centres;
  BitWriter written;
  for (u64 r = 0; r < centres; ++r) {
    written.put(plan.row_centre[r % plan.row_centre.size()], 8 * size);
  }
  parts.centres = written.get();
  Fields scales;
  for (u64 r = 0; plan.kind == kScaled && r < rows; ++r) {
    scales.u32(std::bit_cast<std::uint32_t>(plan.row_scale[r % plan.row_scale.size()]));
  }
  parts.scales = scales;
}

}  // namespace

Buffer NumberParts::payload() const {
  Fields f;
  f.u8(form).u8(plan.kind).u8(plan.element_bits).u8(plan.mantissa_bits).u8(plan.precision);
  f.u8(plan.top_bits).u8(plan.sign_bits).u8(plan.lanes_log2).u8(table_count).u8(plan.row_bits);
  f.u8(plan.column_bits).u8(plan.floor_bits).u16(plan.base).u8(plan.centres).u8(plan.floor);
  f.u32(plan.width).u32(plan.first).u32(low_size).u32(escape_count).u32(whole_count);
  for (const std::uint32_t size : stream_size) f.u32(size);
  f.bytes(tables).bytes(rows).bytes(columns).bytes(centres).bytes(scales).bytes(low);
  for (const Buffer& stream : streams) f.bytes(stream);
  return f.bytes(escapes).bytes(whole).bytes(states);
}

std::vector<Item> draw_items(const NumberPlan& plan, std::size_t count, u64 seed) {
  const NumberScheme s(plan);
  u64 state = seed;
  const auto draw = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 32;
  };
  std::vector<Item> items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    u64 left = draw() >> 16 & 0xFF;
    unsigned index = 0;
    while (left >= s.table(i).frequency[index]) left -= s.table(i).frequency[index++];
    // A quarter of the escapes are whole elements.
    const auto escaped = static_cast<unsigned>(draw() & 0x3FF);
    const unsigned symbol = index != kEscape ? index : escaped < 0x300 ? escaped & 0xFF : kWhole;
    const u64 high = draw() << 32;
    const u64 noise = high | draw();
    Item& item = items.emplace_back(Item{.symbol = symbol});
    if (symbol == kWhole) item.whole = noise & s.mask;
    item.lower = noise & low_bits(s.stored_bits(i, symbol));
  }
  return items;
}

std::vector<Item> items_of(const NumberPlan& plan, const std::vector<u64>& numbers) {
  const NumberScheme s(plan);
  const bool scaled = plan.kind == kScaled;
  const u64 mask = scaled ? 0xFFFF : s.mask;
  std::vector<Item> items;
  items.reserve(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    NumberScheme::Number wanted{(numbers[i] & s.sign) != 0, numbers[i] & (s.sign - 1)};
    if (plan.kind != kFloat) {
      const u64 expected = scaled ? s.centre(i) : s.expected(i, numbers);
      const u64 value = ((scaled ? numbers[i] : s.turn(numbers[i])) - expected) & mask;
      const bool negative = value > mask / 2;
      wanted = {negative, negative ? (0 - value) & mask : value};
    }
    items.push_back(s.item(i, wanted, numbers[i]));
    if (scaled && items.back().symbol == kWhole) throw std::logic_error("no symbol for a value");
  }
  return items;
}

Buffer compose(const NumberPlan& plan, const std::vector<Item>& items) {
  const NumberScheme s(plan);
  std::vector<u64> elements;
  elements.reserve(items.size());
  BitWriter chunk;
  for (std::size_t i = 0; i < items.size(); ++i) {
    elements.push_back(s.element(i, items[i], elements));
    chunk.put(elements.back(), plan.element_bits);
  }
  return chunk.get();
}

NumberParts encode_number(const NumberPlan& plan, const std::vector<Item>& items) {
  const NumberScheme s(plan);
  NumberParts parts;
  parts.plan = plan;
  parts.table_count = static_cast<unsigned>(plan.tables.size());
  parts.tables = table_bytes(plan.tables);
  put_fields(plan, s.row(items.size() - 1) + 1, parts);
  Symbols symbols{.lanes_log2 = plan.lanes_log2,
                  .width = plan.width,
                  .first = plan.first,
                  .table = [&](u64 i) -> const Table& { return s.table(i); },
                  .end_state = plan.end_state,
                  .low_state = plan.low_state};
  BitWriter low, whole;
  Fields escapes;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Item& item = items[i];
    const auto& frequency = s.table(i).frequency;
    if (!s.can_code(i, item.symbol)) throw std::logic_error("a table without a symbol");
    const bool said = item.symbol < kEscape && frequency[item.symbol] != 0;
    // An escape may stand for any symbol, so some stand for those that the table has too.
    const bool escaped = !said || (i % 17 == 5 && frequency[kEscape] != 0);
    symbols.indices.push_back(escaped ? kEscape : item.symbol);
    if (escaped) escapes.u8(item.symbol + 224);
    low.put(item.lower, s.stored_bits(i, item.symbol));
    if (item.symbol == kWhole) whole.put(item.whole, (plan.element_bits + 7) / 8 * 8);
  }
  CodedSymbols coded = code_symbols(symbols);
  parts.stream_size = std::move(coded.stream_size);
  parts.streams = std::move(coded.streams);
  parts.states = std::move(coded.states);
  parts.low = low.get();
  parts.low_size = static_cast<std::uint32_t>(parts.low.size());
  parts.escapes = escapes;
  parts.escape_count = static_cast<std::uint32_t>(parts.escapes.size());
  parts.whole = whole.get();
  const std::size_t size = (plan.element_bits + 7) / 8;
  parts.whole_count = static_cast<std::uint32_t>(parts.whole.size() / size);
  return parts;
}

}  // namespace bbz::vectors
