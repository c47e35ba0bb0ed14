// Decoding of a chunk, some rows at a time: first their symbols, then their elements.
#include <cmath>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/codec/number/binding.h"
#include "bbz/codec/number/merge.h"
#include "bbz/codec/number/split_number.h"
#include "bbz/codec/number/wire.h"
#include "bbz/codec/split/wire.h"

namespace bbz::codec {
namespace number {
namespace {

// As many symbols as this are decoded at once, or those of one row if it has more. They stay in the
// cache until their elements are made.
constexpr std::uint64_t kBlock = std::uint64_t{1} << 15;

// Memory that a thread keeps from chunk to chunk.
struct DecodeScratch {
  std::vector<split::DecodeTable> tables;
  std::vector<split::Row> rows;        // whose tables are those of the chunk's rows
  std::vector<std::uint16_t> fields;   // of rows
  std::vector<std::uint16_t> columns;  // shifts of columns, in keys
  KeyTable keys;
  split::ScratchBuffer symbols;
};

// The parts of a row's field.
struct RowField {
  unsigned table;
  unsigned shift;
  int floor;

  RowField(const Header& header, unsigned field)
      : table(field & ((1U << header.table_bits()) - 1)),
        shift(field >> header.table_bits() & ((1U << header.row_bits) - 1)),
        floor(static_cast<int>(field >> (header.table_bits() + header.row_bits)) + header.floor) {}
};

std::uint64_t load_number(const std::byte* p, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::uint64_t{std::to_integer<std::uint8_t>(p[i])} << (8 * i);
  }
  return value;
}

// Checks the scales. Errors: kMalformed.
Status check_scales(Bytes scales) {
  for (std::size_t at = 0; at < scales.size(); at += 4) {
    const auto scale = std::bit_cast<float>(load_le<std::uint32_t>(scales.data() + at));
    if (!std::isfinite(scale) || !(scale > 0)) {
      return make_error(Code::kMalformed, "split number: row {} has the scale {}", at / 4, scale);
    }
  }
  return {};
}

// Checks elements of 4 bits that are in a byte each. Errors: kMalformed.
Status check_nibbles(Bytes nibbles, const char* what) {
  for (const std::byte nibble : nibbles) {
    if (std::to_integer<unsigned>(nibble) > 15) {
      return make_error(Code::kMalformed, "split number: a {} of 4 bits is {}", what,
                        std::to_integer<unsigned>(nibble));
    }
  }
  return {};
}

// Checks the tables of the rows, makes the split::Row of each, and returns the highest shift.
Result<unsigned> make_rows(const Header& header, DecodeScratch& scratch) {
  unsigned highest = 0;
  scratch.rows.resize(scratch.fields.size());
  for (std::size_t r = 0; r < scratch.fields.size(); ++r) {
    const RowField field(header, scratch.fields[r]);
    if (field.table >= header.tables) {
      return make_error(Code::kMalformed, "split number: row {} uses table {} of {}", r,
                        field.table, header.tables);
    }
    scratch.rows[r].table = static_cast<std::uint16_t>(field.table);
    highest = std::max(highest, field.shift);
  }
  return highest;
}

}  // namespace

Status decode_with(const Kernels& wanted, Bytes payload, MutableBytes out, Xxh3Follower* hash) {
  thread_local DecodeScratch scratch;
  WireReader in(payload);
  BBZ_ASSIGN(const Header header, get_header(in));
  if (out.empty() || payload.size() >= out.size()) {
    return make_error(Code::kMalformed, "split number: payload of {} bytes for a chunk of {}",
                      payload.size(), out.size());
  }
  const Model& model = header.model;
  const auto element_bits = static_cast<std::uint64_t>(model.bits);
  if (out.size() * 8 % element_bits != 0) {
    return make_error(Code::kMalformed, "split number: elements of {} bits in a chunk of {} bytes",
                      model.bits, out.size());
  }
  const std::uint64_t elements = out.size() * 8 / element_bits;
  const split::Grid grid{elements, header.width, header.first, header.lanes()};
  const std::uint64_t rows = grid.rows();
  if (rows > split::kMaxRows) {
    return make_error(Code::kMalformed, "split number: {} rows, at most {}", rows, split::kMaxRows);
  }
  const Kernel& loops = wanted.loops == nullptr ? *kernels().front() : *wanted.loops;
  const split::Kernel* kernel =
      wanted.symbols == nullptr ? split::kernels().front() : wanted.symbols;
  if (!kernel->takes(split::kByteLayout, grid)) kernel = &split::kPortableKernel;
  scratch.tables.resize(header.tables);
  for (split::DecodeTable& table : scratch.tables) {
    BBZ_ASSIGN(const split::Frequencies frequencies, split::get_table(in, "split number"));
    kernel->make_table(frequencies, table);
  }
  BBZ_TRY(split::get_fields(in, rows, header.row_field_bits(), scratch.fields, "split number"));
  BBZ_ASSIGN(const unsigned highest_row, make_rows(header, scratch));
  unsigned highest_column = 0;
  if (header.column_bits != 0) {
    BBZ_TRY(
        split::get_fields(in, header.width, header.column_bits, scratch.columns, "split number"));
    for (std::uint16_t& shift : scratch.columns) {
      highest_column = std::max<unsigned>(highest_column, shift);
      shift = static_cast<std::uint16_t>(shift << model.low_key_bits());
    }
  }
  const std::size_t centre_bytes = model.centre_bytes();
  const Bytes centres = in.get_bytes(header.centre_count(rows) * centre_bytes);
  const Bytes scales = in.get_bytes(model.kind == Kind::kScaled ? 4 * rows : 0);
  const Bytes low = in.get_bytes(header.low_size);
  split::DecodeJob coder;
  split::get_symbols(in, std::span(header.stream_size).first(header.streams()), header.escape_count,
                     coder);
  const Bytes wholes = in.get_bytes(std::uint64_t{header.whole_count} * model.whole_bytes());
  const Bytes states = in.get_bytes(2 * static_cast<std::uint64_t>(header.lanes()));
  if (!in.finished()) {
    return make_error(Code::kMalformed, "split number: payload of {} bytes does not fit its header",
                      payload.size());
  }
  BBZ_TRY(check_scales(scales));
  if (model.bits == 4) {
    BBZ_TRY(check_nibbles(centres, "centre"));
    BBZ_TRY(check_nibbles(wholes, "whole element"));
  }
  BBZ_TRY(split::get_states(states, header.lanes(), "split number", coder));
  scratch.keys.reset(header, (highest_row + highest_column) << model.low_key_bits());

  coder.layout = split::kByteLayout;
  coder.tables = scratch.tables.data();
  coder.packed = split::bytes_at(low);  // of no bytes, as the next
  coder.bytes = split::bytes_at(low);
  KernelMemory memory;
  MergeJob job;
  job.memory = &memory;
  job.model = model;
  job.keys = &scratch.keys;
  job.highest_column = highest_column << model.low_key_bits();
  job.width = header.width;
  job.out = reinterpret_cast<std::uint8_t*>(out.data());
  job.low = {split::bytes_at(low), std::uint64_t{header.low_size} * 8, 0};
  job.wholes = {split::bytes_at(wholes), split::bytes_at(wholes) + wholes.size()};
  if (header.centres == Centres::kOne) job.centre = load_number(centres.data(), centre_bytes);
  for (std::uint64_t r = 0; r < rows;) {
    // The rows of this block, and their symbols.
    std::uint64_t end = r + 1;
    const std::uint64_t begin = grid.row_begin(r);
    while (end < rows && grid.row_end(end) - begin <= kBlock) ++end;
    const std::uint64_t count = grid.row_end(end - 1) - begin;
    std::uint8_t* const symbols = scratch.symbols.reserve(count);
    coder.grid = {count, header.width, r == 0 ? header.first : 0, header.lanes()};
    coder.rows = scratch.rows.data() + r;
    coder.out = symbols;
    kernel->decode(coder);
    if (coder.overrun) break;
    for (; r < end && !job.overrun && !job.low.is_overrun(); ++r) {
      const RowField field(header, scratch.fields[r]);
      const unsigned shift = field.shift << model.low_key_bits();
      job.element = grid.row_begin(r);
      job.count = grid.row_end(r) - job.element;
      job.symbols = symbols + (job.element - begin);
      job.origin = header.base + shift;
      job.shift = shift;
      job.floor = field.floor;
      job.has_own_floor = field.floor != header.floor;
      if (header.column_bits != 0)
        job.columns = scratch.columns.data() + (r == 0 ? header.first : 0);
      if (header.centres == Centres::kEach) {
        job.centre = load_number(centres.data() + r * centre_bytes, centre_bytes);
      }
      if (!scales.empty()) {
        job.scale = std::bit_cast<float>(load_le<std::uint32_t>(scales.data() + 4 * r));
      }
      loops.merge(job);
    }
    if (job.overrun || job.low.is_overrun()) break;
    if (hash != nullptr) hash->advance((begin + count) * element_bits / 8);
  }
  if (!split::is_finished(coder, header.streams(), header.lanes())) {
    return error_with_message(
        Code::kMalformed,
        "split number: the symbols of the rows do not end at the end of the coded symbols");
  }
  const auto used = static_cast<unsigned>(job.low.at % 8);
  if (job.overrun || job.wholes.at != job.wholes.end || job.low.is_overrun() ||
      job.low.size - job.low.at >= 8 ||
      (used != 0 && std::to_integer<unsigned>(low.back()) >> used != 0)) {
    return error_with_message(Code::kMalformed,
                              "split number: the elements do not end at the end of their lower "
                              "bits and whole elements");
  }
  return {};
}

}  // namespace number

Status decode_split_number(const ChunkShape&, Bytes payload, MutableBytes out, Xxh3Follower* hash) {
  return number::decode_with({}, payload, out, hash);
}

}  // namespace bbz::codec
