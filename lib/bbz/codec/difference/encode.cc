// Encoding of floats: the parts of a payload, in the order in which they are found.
#include <cstring>

#include "bbz/codec/difference/binding.h"
#include "bbz/codec/difference/coder.h"
#include "bbz/codec/difference/plan.h"
#include "bbz/codec/difference/wire.h"

namespace bbz::codec::difference {
namespace {

// Memory that a thread keeps from chunk to chunk.
struct EncodeScratch {
  Plan plan;
  std::array<split::EncodeTable, kMaxTables> tables;
  std::vector<Counts> counts;               // of each block
  std::vector<std::uint8_t*> ends;          // of each block's symbols
  std::vector<std::uint32_t> wholes;        // places
  std::vector<std::uint32_t> patches;       // places
  std::vector<split::Patch> split_patches;  // stays empty: escapes express every byte
  split::ScratchBuffer buffer;
};

// Appends without clearing the memory first.
void append(std::vector<std::byte>& out, const std::uint8_t* begin, const std::uint8_t* end) {
  const auto bytes = std::as_bytes(std::span(begin, end));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

bool encode_float(const Kernels& kernels, const ChunkShape& shape, Bytes plain, Bytes base,
                  Level level, std::size_t limit, std::vector<std::byte>& payload) {
  if (plain.empty() || !is_difference_dtype(shape.dtype)) return false;
  thread_local EncodeScratch scratch;
  Plan& plan = scratch.plan;
  make_plan(shape, plain, base, level, plan);
  if (plan.coded_bytes / 8 * 7 >= limit) return false;  // an estimate
  const Classes& classes = plan.classes;
  const auto size = static_cast<std::size_t>(classes.element_bytes);
  const std::uint64_t elements = shape.elements;
  const std::uint64_t blocks = divide_up(elements, kBlock);

  // Symbols, escapes, streams, lower bits.
  const std::size_t room = elements + (blocks + 1) * kMaxTables * kSlack;
  const std::size_t low_room =
      divide_up(elements * static_cast<unsigned>(classes.most_low_bits()), 8) + 2 * kSlack;
  std::uint8_t* const buffer = scratch.buffer.reserve((2 + split::kMaxStreams) * room + low_room);
  std::uint8_t* const low = buffer + (2 + split::kMaxStreams) * room;
  std::uint8_t* symbols = buffer;
  scratch.counts.resize(blocks);
  scratch.wholes.clear();
  scratch.patches.clear();
  const Kernel& loops = kernels.loops != nullptr ? *kernels.loops : *difference::kernels().front();
  SplitJob job;
  job.classes = &classes;
  job.low = low;
  job.wholes = &scratch.wholes;
  job.patches = &scratch.patches;
  scratch.ends.resize(blocks);
  for (std::uint64_t b = 0; b < blocks; ++b) {
    const std::uint64_t first = b * kBlock;
    job.elements = std::min(kBlock, elements - first);
    job.in = bytes_at(plain) + first * size;
    job.base = bytes_at(base) + first * size;
    job.place = static_cast<std::uint32_t>(first);
    Counts& counts = scratch.counts[b];
    loops.count(classes, job.base, job.elements, counts);
    for (int t = 0; t < classes.tables; ++t) {
      if (!classes.is_live(t)) continue;
      job.symbols[t] = symbols;
      symbols += counts[t] + kSlack;
    }
    scratch.ends[b] = symbols;
    loops.split(job);
    if (scratch.patches.size() * (4 + size) >= limit) return false;
  }
  if (job.filled != 0) *job.low++ = static_cast<std::uint8_t>(job.pending);

  Header header;
  header.lanes_log2 = split::choose_lanes_log2(plan.live_elements);
  for (int t = 0; t < classes.tables; ++t) {
    if (classes.is_live(t)) split::make_encode_table(plan.tables[t], scratch.tables[t]);
  }
  scratch.split_patches.clear();
  split::EncodeJob coder;
  coder.layout = split::kByteLayout;
  coder.packed = low;  // of no bytes, as the next
  coder.bytes = low;
  coder.states.fill(split::kStateStart);
  coder.patches = &scratch.split_patches;
  std::array<std::uint8_t*, split::kMaxStreams> stream_end{};
  for (int i = 0; i < split::kMaxStreams; ++i) stream_end[i] = buffer + (i + 2) * room;
  coder.streams = stream_end;
  std::uint8_t* const escapes_end = buffer + (split::kMaxStreams + 2) * room;
  coder.escapes = escapes_end;
  const split::Kernel& kernel = choose_kernel(kernels.symbols, header.lanes());
  const split::Row row;
  coder.rows = &row;
  for (std::uint64_t b = blocks; b-- > 0;) {
    const std::uint8_t* at = scratch.ends[b];
    for (int t = classes.tables; t-- > 0;) {
      if (!classes.is_live(t)) continue;
      const std::uint32_t count = scratch.counts[b][t];
      at -= count + kSlack;
      if (count == 0) continue;
      coder.grid = {count, count, 0, header.lanes()};
      coder.tables = &scratch.tables[t];
      coder.in = at;
      kernel.encode(coder);
    }
  }

  header.low_size = static_cast<std::uint32_t>(job.low - low);
  header.escape_count = static_cast<std::uint32_t>(escapes_end - coder.escapes);
  header.whole_count = static_cast<std::uint32_t>(scratch.wholes.size());
  header.patch_count = static_cast<std::uint32_t>(scratch.patches.size());
  payload.clear();
  std::size_t all = header_size(header) + header.low_size + header.escape_count +
                    header.whole_count * size + header.patch_count * (4 + size) +
                    kMaxTables * (split::kIndices + 2) + 4 * kMaxTables * blocks +
                    2 * static_cast<std::size_t>(header.lanes());
  for (int i = 0; i < header.streams(); ++i) {
    header.stream_size[i] = static_cast<std::uint32_t>(stream_end[i] - coder.streams[i]);
    all += header.stream_size[i];
  }
  payload.reserve(all);
  WireWriter out(payload);
  put_header(header, classes, out);
  put_tables(classes, plan.tables, out);
  for (const Counts& counts : scratch.counts) {
    for (int t = 0; t < classes.tables; ++t) {
      if (classes.is_live(t)) out.put(counts[t]);
    }
  }
  append(payload, low, job.low);
  for (int i = 0; i < header.streams(); ++i) append(payload, coder.streams[i], stream_end[i]);
  append(payload, coder.escapes, escapes_end);
  for (const std::uint32_t place : scratch.wholes) {
    out.put_bytes(plain.subspan(place * size, size));
  }
  for (const std::uint32_t place : scratch.patches) {
    out.put(place);
    out.put_bytes(plain.subspan(place * size, size));
  }
  for (int lane = 0; lane < header.lanes(); ++lane) out.put(coder.states[lane]);
  return payload.size() < limit;
}

}  // namespace bbz::codec::difference
