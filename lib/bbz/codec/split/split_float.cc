#include "bbz/codec/split/split_float.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/codec/split/binding.h"
#include "bbz/codec/split/plan.h"
#include "bbz/codec/split/symbols.h"
#include "bbz/codec/split/wire.h"

namespace bbz::codec {
namespace split {
namespace {

// Memory that a thread keeps from chunk to chunk.
struct EncodeScratch {
  Plan plan;
  std::vector<EncodeTable> tables;
  std::vector<Row> rows;
  std::vector<std::uint16_t> columns;
  std::vector<std::uint16_t> fields;
  std::vector<Patch> patches;
  std::vector<std::byte> front;  // part of the payload before the packed bits
  ScratchBuffer buffer;
};

struct DecodeScratch {
  std::vector<DecodeTable> tables;
  std::vector<Row> rows;
  std::vector<std::uint16_t> columns;
  std::vector<std::uint16_t> fields;
};

void make_rows(const Header& header, const Layout& layout, const std::vector<std::uint16_t>& fields,
               std::vector<Row>& rows) {
  const int table_bits = header.table_bits();
  rows.resize(fields.size());
  for (std::size_t r = 0; r < fields.size(); ++r) {
    const unsigned shift = static_cast<unsigned>(fields[r] >> table_bits) << header.top_bits;
    rows[r].base = static_cast<std::uint16_t>((header.base + shift) & layout.key_mask());
    rows[r].table = static_cast<std::uint16_t>(fields[r] & ((1 << table_bits) - 1));
  }
}

// Replaces the key of one element.
void apply_patch(const Layout& layout, const Patch& patch, std::byte* out) {
  std::byte* p = out + std::size_t{patch.element} * static_cast<std::size_t>(layout.element_bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, p, static_cast<std::size_t>(layout.element_bytes));
  // The key is below the sign. After the rotation it is above the rest.
  const int at = layout.rest_bits() - 1;
  value &= ~(std::uint64_t{layout.key_mask()} << at);
  value |= std::uint64_t{patch.key} << at;
  std::memcpy(p, &value, static_cast<std::size_t>(layout.element_bytes));
}

// Returns whether the unused bits after the packed bits of each row are zero.
bool padding_is_zero(const Layout& layout, const Grid& grid, const std::uint8_t* packed) {
  const std::uint64_t rows = grid.rows();
  for (std::uint64_t r = 0; r < rows; ++r) {
    const std::uint64_t size = grid.row_end(r) - grid.row_begin(r);
    packed += layout.packed_size(size);
    const auto used = size * static_cast<std::uint64_t>(layout.packed_bits) % 8;
    if (used != 0 && packed[-1] >> used != 0) return false;
  }
  return true;
}

// Returns the wanted kernel, or the fastest one if `wanted` is null. Returns the portable one if
// that kernel does not take the chunk.
const Kernel& choose_kernel(const Kernel* wanted, const Layout& layout, const Grid& grid) {
  if (wanted != nullptr) return wanted->takes(layout, grid) ? *wanted : kPortableKernel;
  for (const Kernel* kernel : kernels()) {
    if (kernel->takes(layout, grid)) return *kernel;
  }
  return kPortableKernel;
}

// Appends bytes like WireWriter::put_bytes(), but without clearing the memory first.
void put_behind(std::vector<std::byte>& out, const std::uint8_t* begin, const std::uint8_t* end) {
  const auto bytes = std::as_bytes(std::span(begin, end));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

bool encode_with(const Kernel* kernel, const ChunkShape& shape, Bytes plain, Level level,
                 std::size_t limit, std::vector<std::byte>& payload) {
  if (plain.empty() || !is_split_dtype(shape.dtype)) return false;
  thread_local EncodeScratch scratch;
  Plan& plan = scratch.plan;
  make_plan(shape, plain, level, plan);
  Header& header = plan.header;
  const Layout layout = layout_of(shape.dtype, header.top_bits);

  scratch.tables.resize(plan.tables.size());
  for (std::size_t i = 0; i < plan.tables.size(); ++i) {
    make_encode_table(plan.tables[i], scratch.tables[i]);
  }
  scratch.front.resize(header_size(header));  // written last
  WireWriter front(scratch.front);
  for (const Frequencies& frequencies : plan.tables) put_table(frequencies, front);
  put_fields(plan.row_fields, header.row_field_bits(), front);
  make_rows(header, layout, plan.row_fields, scratch.rows);
  scratch.columns.clear();
  if (header.column_bits != 0) {
    put_fields(plan.column_shifts, header.column_bits, front);
    for (const std::uint16_t shift : plan.column_shifts) {
      scratch.columns.push_back(static_cast<std::uint16_t>(shift << header.top_bits));
    }
  }
  const std::size_t packed_at = scratch.front.size();
  const std::size_t bytes_at = packed_at + packed_total(layout, plan.grid);
  const std::size_t rest_end =
      bytes_at + plan.grid.elements * static_cast<std::size_t>(layout.rest_bytes);
  if (rest_end >= limit) return false;
  // Reserves an estimate of the whole payload, so that the streams rarely make the vector grow.
  payload.reserve(std::min<std::size_t>(limit, rest_end + plan.key_bytes + plan.key_bytes / 16));
  payload.resize(rest_end);
  std::memcpy(payload.data(), scratch.front.data(), packed_at);

  scratch.patches.clear();
  const std::size_t room = plan.grid.elements + 64;
  std::uint8_t* buffer = scratch.buffer.reserve((kMaxStreams + 1) * room);
  EncodeJob job;
  job.layout = layout;
  job.grid = plan.grid;
  job.tables = scratch.tables.data();
  job.rows = scratch.rows.data();
  job.columns = scratch.columns.empty() ? nullptr : scratch.columns.data();
  job.in = split::bytes_at(plain);
  job.packed = reinterpret_cast<std::uint8_t*>(payload.data() + packed_at);
  job.bytes = reinterpret_cast<std::uint8_t*>(payload.data() + bytes_at);
  job.states.fill(kStateStart);
  std::array<std::uint8_t*, kMaxStreams> stream_end{};
  for (int i = 0; i < kMaxStreams; ++i) stream_end[i] = buffer + (i + 1) * room;
  job.streams = stream_end;
  std::uint8_t* const escapes_end = buffer + (kMaxStreams + 1) * room;
  job.escapes = escapes_end;
  job.patches = &scratch.patches;
  choose_kernel(kernel, layout, plan.grid).encode(job);

  WireWriter out(payload);
  for (int i = 0; i < header.streams(); ++i) {
    header.stream_size[i] = static_cast<std::uint32_t>(stream_end[i] - job.streams[i]);
    put_behind(payload, job.streams[i], stream_end[i]);
  }
  header.escape_count = static_cast<std::uint32_t>(escapes_end - job.escapes);
  put_behind(payload, job.escapes, escapes_end);
  header.patch_count = static_cast<std::uint32_t>(scratch.patches.size());
  for (auto patch = scratch.patches.rbegin(); patch != scratch.patches.rend(); ++patch) {
    out.put(patch->element);
    out.put(patch->key);
  }
  for (int lane = 0; lane < header.lanes(); ++lane) out.put(job.states[lane]);
  std::vector<std::byte> head;
  WireWriter head_out(head);
  put_header(header, head_out);
  std::memcpy(payload.data(), head.data(), head.size());
  return payload.size() < limit;
}

Status decode_with(const Kernel* kernel, const ChunkShape& shape, Bytes payload, MutableBytes out,
                   Xxh3Follower* hash) {
  if (!is_split_dtype(shape.dtype)) {
    return make_error(Code::kMalformed, "split float: a chunk of dtype {}, which has no exponents",
                      dtype_info(shape.dtype).name);
  }
  if (payload.size() >= out.size()) {
    return make_error(Code::kMalformed, "split float: payload of {} bytes for a chunk of {}",
                      payload.size(), out.size());
  }
  thread_local DecodeScratch scratch;
  WireReader in(payload);
  BBZ_ASSIGN(const Header header, get_header(in));
  const Layout layout = layout_of(shape.dtype, header.top_bits);
  if (header.base > layout.key_mask()) {
    return make_error(Code::kMalformed, "split float: base {} has more than {} bits", header.base,
                      layout.key_bits);
  }
  DecodeJob job;
  job.layout = layout;
  job.grid = {shape.elements, header.width, header.first, header.lanes()};
  if (job.grid.rows() > kMaxRows) {
    return make_error(Code::kMalformed, "split float: {} rows, at most {}", job.grid.rows(),
                      kMaxRows);
  }
  const Kernel& chosen = choose_kernel(kernel, layout, job.grid);
  scratch.tables.resize(header.tables);
  for (DecodeTable& table : scratch.tables) {
    BBZ_ASSIGN(const Frequencies frequencies, get_table(in));
    chosen.make_table(frequencies, table);
  }
  BBZ_TRY(get_fields(in, job.grid.rows(), header.row_field_bits(), scratch.fields));
  make_rows(header, layout, scratch.fields, scratch.rows);
  for (const Row& row : scratch.rows) {
    if (row.table >= header.tables) {
      return make_error(Code::kMalformed, "split float: a row uses table {} of {}", row.table,
                        header.tables);
    }
  }
  if (header.column_bits != 0) {
    BBZ_TRY(get_fields(in, header.width, header.column_bits, scratch.columns));
    for (std::uint16_t& shift : scratch.columns) {
      shift = static_cast<std::uint16_t>(shift << header.top_bits);
    }
    job.columns = scratch.columns.data();
  }
  const Bytes packed = in.get_bytes(packed_total(layout, job.grid));
  const Bytes bytes = in.get_bytes(shape.elements * static_cast<std::uint64_t>(layout.rest_bytes));
  get_symbols(in, std::span(header.stream_size).first(header.streams()), header.escape_count, job);
  WireReader patches(in.get_bytes(std::uint64_t{header.patch_count} * 6));
  const Bytes states = in.get_bytes(2 * static_cast<std::uint64_t>(header.lanes()));
  if (!in.finished()) {
    return make_error(Code::kMalformed, "split float: payload of {} bytes does not fit its header",
                      payload.size());
  }
  BBZ_TRY(get_states(states, header.lanes(), "split float", job));
  if (!padding_is_zero(layout, job.grid, bytes_at(packed))) {
    return error_with_message(Code::kMalformed,
                              "split float: unused bits after a row's packed bits are not zero");
  }
  job.tables = scratch.tables.data();
  job.rows = scratch.rows.data();
  job.packed = bytes_at(packed);
  job.bytes = bytes_at(bytes);
  job.out = reinterpret_cast<std::uint8_t*>(out.data());
  if (header.patch_count == 0) job.hash = hash;  // a patch changes decoded elements
  chosen.decode(job);

  if (!is_finished(job, header.streams(), header.lanes())) {
    return error_with_message(
        Code::kMalformed,
        "split float: the keys of the rows do not end at the end of the coded keys");
  }
  std::uint64_t least = 0;
  while (patches.remaining() != 0) {
    const Patch patch{patches.get<std::uint32_t>(), patches.get<std::uint16_t>()};
    if (patch.element < least || patch.element >= shape.elements || patch.key > layout.key_mask()) {
      return make_error(Code::kMalformed, "split float: patch of element {} with key {}",
                        patch.element, patch.key);
    }
    least = std::uint64_t{patch.element} + 1;
    apply_patch(layout, patch, out.data());
  }
  return {};
}

}  // namespace split

bool encode_split_float(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                        std::vector<std::byte>& payload) {
  bool found = split::encode_with(nullptr, shape, plain, level, limit, payload);
  if (level != Level::kSmall) return found;
  // A plan from all keys is not always better than one from a sample, and the default must not be smaller.
  thread_local std::vector<std::byte> other;
  if (split::encode_with(nullptr, shape, plain, Level::kDefault, found ? payload.size() : limit,
                         other)) {
    payload.assign(other.begin(), other.end());
    found = true;
  }
  return found;
}

Status decode_split_float(const ChunkShape& shape, Bytes payload, MutableBytes out,
                          Xxh3Follower* hash) {
  return split::decode_with(nullptr, shape, payload, out, hash);
}

}  // namespace bbz::codec
