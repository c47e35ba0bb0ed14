// Decoding of floats, block by block in place.
#include <bit>
#include <cstring>

#include "bbz/base/format.h"
#include "bbz/codec/difference/binding.h"
#include "bbz/codec/difference/coder.h"
#include "bbz/codec/difference/wire.h"

namespace bbz::codec::difference {
namespace {

// Memory that a thread keeps from chunk to chunk.
struct DecodeScratch {
  std::array<split::DecodeTable, kMaxTables> tables;
  // Those of one block. They are followed by as many as Kernel::merge may read for a wrong count.
  std::array<std::uint8_t, 2 * kBlock + kMaxTables * kSlack> symbols;
};

// The patches of a chunk, in the order of their places.
class Patches {
 public:
  Patches(Bytes bytes, std::size_t element_bytes) : in_(bytes), size_(element_bytes) {}

  // Applies those before element `end` of the chunk at `out`. Errors: kMalformed.
  Status apply(std::uint64_t end, MutableBytes out) {
    while (in_.remaining() != 0) {
      WireReader ahead = in_;
      const std::uint64_t place = ahead.get<std::uint32_t>();
      if (place >= end && place < out.size() / size_) return {};
      if (place < least_ || place >= end) {
        return make_error(Code::kMalformed, "difference: patch of element {}, expected {} to {}",
                          place, least_, out.size() / size_ - 1);
      }
      const Bytes element = ahead.get_bytes(size_);
      std::memcpy(out.data() + place * size_, element.data(), size_);
      least_ = place + 1;
      in_ = ahead;
    }
    return {};
  }

 private:
  WireReader in_;
  std::size_t size_;
  std::uint64_t least_ = 0;
};

Error wrong_symbols() {
  return error_with_message(Code::kMalformed,
                            "difference: the symbols do not end at the end of the coded symbols");
}

Error wrong_elements() {
  return error_with_message(
      Code::kMalformed,
      "difference: the elements do not end at the end of their lower bits and whole elements");
}

}  // namespace

Status decode_float(const Kernels& kernels, const ChunkShape& shape, Bytes payload,
                    MutableBytes out, Xxh3Follower* hash) {
  if (shape.dtype == DType::kBlock) {
    return error_with_message(Code::kMalformed, "difference: form 1 of blocks");
  }
  if (find_dtype(shape.dtype) == nullptr) {
    return make_error(Code::kUnsupported, "difference: form 1 of unknown dtype {}",
                      static_cast<int>(shape.dtype));
  }
  if (!is_difference_dtype(shape.dtype)) {
    return make_error(Code::kMalformed, "difference: form 1 of dtype {}",
                      dtype_info(shape.dtype).name);
  }
  thread_local DecodeScratch scratch;
  Classes classes = classes_of(shape.dtype);
  const auto size = static_cast<std::size_t>(classes.element_bytes);
  WireReader in(payload);
  BBZ_ASSIGN(const Header header, get_header(in, classes));
  BBZ_ASSIGN(const Tables tables, get_tables(in, classes));
  const auto live = static_cast<std::uint64_t>(std::popcount(classes.live));
  WireReader counts(in.get_bytes(4 * live * divide_up(shape.elements, kBlock)));
  const Bytes low = in.get_bytes(header.low_size);
  split::DecodeJob coder;
  split::get_symbols(in, std::span(header.stream_size).first(header.streams()), header.escape_count,
                     coder);
  const Bytes wholes = in.get_bytes(header.whole_count * std::uint64_t{size});
  Patches patches(in.get_bytes(std::uint64_t{header.patch_count} * (4 + size)), size);
  const Bytes states = in.get_bytes(2 * static_cast<std::uint64_t>(header.lanes()));
  if (!in.finished()) {
    return make_error(Code::kMalformed, "difference: payload of {} bytes does not fit its header",
                      payload.size());
  }
  BBZ_TRY(split::get_states(states, header.lanes(), "difference", coder));
  const split::Kernel& kernel = choose_kernel(kernels.symbols, header.lanes());
  for (int t = 0; t < classes.tables; ++t) {
    if (classes.is_live(t)) kernel.make_table(tables[t], scratch.tables[t]);
  }
  const split::Row row;
  coder.layout = split::kByteLayout;
  coder.rows = &row;
  coder.packed = bytes_at(low);  // of no bytes, as the next
  coder.bytes = bytes_at(low);
  const Kernel& loops = kernels.loops != nullptr ? *kernels.loops : *difference::kernels().front();
  MergeJob job;
  job.classes = &classes;
  job.low = bytes_at(low);
  job.low_end = std::uint64_t{header.low_size} * 8;
  job.wholes = {bytes_at(wholes), bytes_at(wholes) + wholes.size()};
  for (std::uint64_t first = 0; first < shape.elements; first += kBlock) {
    job.elements = std::min(kBlock, shape.elements - first);
    job.out = reinterpret_cast<std::uint8_t*>(out.data()) + first * size;
    std::uint8_t* symbols = scratch.symbols.data();
    std::array<const std::uint8_t*, kMaxTables> ends{};
    std::uint64_t left = job.elements;
    for (int t = 0; t < classes.tables; ++t) {
      if (!classes.is_live(t)) continue;
      const std::uint32_t count = counts.get<std::uint32_t>();
      if (count > left) {
        return make_error(Code::kMalformed,
                          "difference: {} elements for table {} of the block from element {} on, "
                          "expected at most {}",
                          count, t, first, left);
      }
      left -= count;
      job.symbols[t] = symbols;
      ends[t] = symbols + count;
      if (count != 0) {
        coder.grid = {count, count, 0, header.lanes()};
        coder.tables = &scratch.tables[t];
        coder.out = symbols;
        kernel.decode(coder);
        if (coder.overrun) return wrong_symbols();
      }
      symbols += count + kSlack;
    }
    if (classes.live != 0) loops.merge(job);
    if (job.overrun) return wrong_elements();
    if (job.symbols != ends && classes.live != 0) {
      return make_error(Code::kMalformed,
                        "difference: the block from element {} on has other numbers of elements "
                        "for its tables",
                        first);
    }
    BBZ_TRY(patches.apply(first + job.elements, out));
    if (hash != nullptr) hash->advance((first + job.elements) * size);
  }
  if (!split::is_finished(coder, header.streams(), header.lanes())) return wrong_symbols();
  const auto used = static_cast<unsigned>(job.low_at % 8);
  if (job.wholes.at != job.wholes.end || job.low_end - job.low_at >= 8 ||
      (used != 0 && std::to_integer<unsigned>(low.back()) >> used != 0)) {
    return wrong_elements();
  }
  return {};
}

}  // namespace bbz::codec::difference
