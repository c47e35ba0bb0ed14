#include "vectors/split_payload.h"

#include <bit>

namespace bbz::vectors {
namespace {

using raw::Buffer;
using raw::Fields;
using u64 = std::uint64_t;

// What a plan means for each element.
struct Scheme {
  explicit Scheme(const SplitPlan& p) : plan(p) {
    const DTypeInfo& info = dtype_info(p.dtype);
    element_bits = static_cast<unsigned>(info.bits);
    key_bits = static_cast<unsigned>(info.layout.exponent_bits) + p.top_bits;
    rest_bits = element_bits - key_bits;
    for (const auto& frequencies : p.tables) tables.emplace_back(frequencies);
  }
  u64 row(u64 i) const { return (plan.first + i) / plan.width; }
  const Table& table(u64 i) const { return tables[repeated(plan.row_table, row(i))]; }
  u64 origin(u64 i) const {
    const u64 shift = repeated(plan.row_shift, row(i)) +
                      repeated(plan.column_shift, (plan.first + i) % plan.width);
    return plan.base + (shift << plan.top_bits);
  }
  u64 within_key(u64 value) const { return value & ((u64{1} << key_bits) - 1); }
  u64 rotated(Bytes chunk, u64 i) const {
    const u64 size = element_bits / 8;
    u64 element = 0;
    for (u64 b = 0; b < size; ++b) {
      element |= std::to_integer<u64>(chunk[i * size + b]) << (8 * b);
    }
    const u64 v = element << 1 | element >> (element_bits - 1);
    return element_bits == 64 ? v : v & ((u64{1} << element_bits) - 1);
  }

  const SplitPlan& plan;
  unsigned element_bits, key_bits, rest_bits;
  std::vector<Table> tables;
};

// One of the numbers from `low` on and below `end` that are `value` modulo 2^key bits and that
// `fits`, or `end`.
template <class Fits>
u64 choose(const Scheme& s, u64 value, u64 end, u64 draw, const Fits& fits) {
  std::vector<u64> found;
  for (u64 v = s.within_key(value); v < end; v += u64{1} << s.key_bits) {
    if (fits(v)) found.push_back(v);
  }
  return found.empty() ? end : found[draw % found.size()];
}

void put_fields(const SplitPlan& plan, u64 rows, SplitParts& parts) {
  const auto table_bits = static_cast<unsigned>(std::bit_width(plan.tables.size() - 1));
  BitWriter fields;
  for (u64 r = 0; r < rows; ++r) {
    fields.put(repeated(plan.row_table, r), table_bits);
    fields.put(repeated(plan.row_shift, r), plan.row_bits);
  }
  parts.rows = fields.get();
  BitWriter shifts;
  for (u64 c = 0; plan.column_bits != 0 && c < plan.width; ++c) {
    shifts.put(repeated(plan.column_shift, c), plan.column_bits);
  }
  parts.columns = shifts.get();
}

// The index of each element; escapes and patches go to their parts.
std::vector<unsigned> choose_indices(const Scheme& s, Bytes chunk, u64 elements,
                                     SplitParts& parts) {
  std::vector<unsigned> indices;
  Fields escapes;
  Fields patches;
  for (u64 i = 0; i < elements; ++i) {
    const Table& table = s.table(i);
    const u64 key = s.rotated(chunk, i) >> s.rest_bits;
    const u64 relative = key - s.origin(i);
    const bool wanted = s.plan.patched.contains(static_cast<std::uint32_t>(i));
    u64 index = choose(s, relative, kEscape, i, [&](u64 y) { return table.frequency[y] != 0; });
    u64 escape = choose(s, relative + 224, 256, 7 * i, [](u64) { return true; });
    if (wanted || (index == kEscape && (escape == 256 || table.frequency[kEscape] == 0))) {
      patches.u32(i).u16(key);
      ++parts.patch_count;
      index = table.likeliest();
      if (wanted && i % 2 == 1 && table.frequency[kEscape] != 0) index = kEscape;
      escape = i % 256;
    }
    if (index == kEscape) {
      escapes.u8(escape);
      ++parts.escape_count;
    }
    indices.push_back(static_cast<unsigned>(index));
  }
  parts.escapes = escapes;
  parts.patches = patches;
  return indices;
}

void code_indices(const Scheme& s, std::vector<unsigned> indices, SplitParts& parts) {
  CodedSymbols coded = code_symbols({.indices = std::move(indices),
                                     .lanes_log2 = s.plan.lanes_log2,
                                     .width = s.plan.width,
                                     .first = s.plan.first,
                                     .table = [&](u64 i) -> const Table& { return s.table(i); },
                                     .end_state = s.plan.end_state,
                                     .low_state = s.plan.low_state});
  parts.stream_size = std::move(coded.stream_size);
  parts.streams = std::move(coded.streams);
  parts.states = std::move(coded.states);
}

}  // namespace

Buffer SplitParts::payload() const {
  Fields f;
  f.u8(form).u8(top_bits).u8(lanes_log2).u8(table_count).u8(row_bits).u8(column_bits).u16(base);
  f.u32(width).u32(first).u32(escape_count).u32(patch_count);
  for (const std::uint32_t size : stream_size) f.u32(size);
  f.bytes(tables).bytes(rows).bytes(columns).bytes(packed).bytes(bytes);
  for (const Buffer& stream : streams) f.bytes(stream);
  return f.bytes(escapes).bytes(patches).bytes(states);
}

void set_element(const SplitPlan& plan, Buffer& chunk, std::size_t i, u64 bits) {
  const auto size = element_bytes(plan.dtype);
  for (std::size_t b = 0; b < size; ++b) {
    chunk[i * size + b] = static_cast<std::byte>(bits >> (8 * b));
  }
}

Buffer draw_split(const SplitPlan& plan, std::size_t elements, u64 seed) {
  const Scheme s(plan);
  Buffer chunk(elements * s.element_bits / 8);
  u64 state = seed;
  const auto draw = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 32;
  };
  for (std::size_t i = 0; i < elements; ++i) {
    u64 left = draw() >> 16 & 0xFF;
    u64 index = 0;
    while (left >= s.table(i).frequency[index]) left -= s.table(i).frequency[index++];
    const u64 relative = index == kEscape ? (draw() & 0xFF) - 224 : index;
    const u64 key = s.within_key(s.origin(i) + relative);
    const u64 high = draw() << 32;
    const u64 rest = (high | draw()) & ((u64{1} << s.rest_bits) - 1);
    const u64 v = key << s.rest_bits | rest;
    set_element(plan, chunk, i, v >> 1 | (v & 1) << (s.element_bits - 1));
  }
  return chunk;
}

SplitParts encode_split(const SplitPlan& plan, Bytes chunk) {
  const Scheme s(plan);
  const u64 elements = chunk.size() * 8 / s.element_bits;
  SplitParts parts;
  parts.top_bits = plan.top_bits;
  parts.lanes_log2 = plan.lanes_log2;
  parts.table_count = static_cast<unsigned>(plan.tables.size());
  parts.row_bits = plan.row_bits;
  parts.column_bits = plan.column_bits;
  parts.base = plan.base;
  parts.width = plan.width;
  parts.first = plan.first;
  parts.tables = table_bytes(plan.tables);
  put_fields(plan, s.row(elements - 1) + 1, parts);
  BitWriter packed;
  Fields bytes;
  for (u64 i = 0; i < elements; ++i) {
    if (i != 0 && s.row(i) != s.row(i - 1)) packed.align();
    const u64 rest = s.rotated(chunk, i);
    const unsigned whole = s.rest_bits / 8;
    packed.put(rest >> (8 * whole), s.rest_bits % 8);
    for (unsigned b = 0; b < whole; ++b) bytes.u8(rest >> (8 * b));
  }
  parts.packed = packed.get();
  parts.bytes = bytes;
  code_indices(s, choose_indices(s, chunk, elements, parts), parts);
  return parts;
}

}  // namespace bbz::vectors
