#include "bbz/base/zstd_frame.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"

namespace bbz {
namespace {

constexpr std::uint32_t kFrameMagic = 0xFD2FB528;
constexpr std::uint64_t kMaxBlock = std::uint64_t{128} << 10;  // of RFC 8878, for any window

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Returns the context of this thread, which keeps it because it is costly to make and cannot be
// shared. `create` makes it. Throws std::bad_alloc.
template <class Context, Context* create()>
Context* context_of_thread() {
  thread_local std::unique_ptr<Context, FreeContext> context;
  if (!context) context.reset(create());
  if (!context) throw std::bad_alloc();
  return context.get();
}

// Returns the Window_Size of the frame, which equals its content size if it has a single segment.
// See RFC 8878, section 3.1.1.1.2. Precondition: `frame` begins with a frame header.
std::uint64_t window_size(Bytes frame, std::uint64_t content) {
  const auto descriptor = std::to_integer<unsigned>(frame[4]);
  if ((descriptor & 0x20) != 0) return content;
  const auto window = std::to_integer<unsigned>(frame[5]);
  const std::uint64_t base = std::uint64_t{1} << (10 + (window >> 3));
  return base + base / 8 * (window & 7);
}

// Returns the size of the frame's header. See RFC 8878, section 3.1.1.1. Precondition: `frame` is
// whole.
std::size_t header_size(Bytes frame) {
  constexpr std::array<std::size_t, 4> kDictionary = {0, 1, 2, 4};
  const auto descriptor = std::to_integer<unsigned>(frame[4]);
  const bool single = (descriptor & 0x20) != 0;
  const std::array<std::size_t, 4> content = {single ? 1u : 0u, 2, 4, 8};
  return 5 + (single ? 0 : 1) + kDictionary[descriptor & 3] + content[descriptor >> 6];
}

// Checks the Block_Size of each block, which libzstd does only when it decodes a stream. See RFC
// 8878, section 3.1.1.2. Precondition: `frame` is whole.
Status check_blocks(Bytes frame, std::uint64_t window) {
  const std::uint64_t most = std::min(window, kMaxBlock);
  bool last = false;
  for (std::size_t at = header_size(frame); !last;) {
    const auto header = std::to_integer<std::uint32_t>(frame[at]) |
                        std::to_integer<std::uint32_t>(frame[at + 1]) << 8 |
                        std::to_integer<std::uint32_t>(frame[at + 2]) << 16;
    last = (header & 1) != 0;
    const std::uint32_t type = header >> 1 & 3;
    const std::uint32_t size = header >> 3;
    const bool compressed = type == 2;
    if (size > most || (compressed && size == most)) {
      return make_error(Code::kMalformed, "zstd: a block of {} bytes, the limit is {}", size, most);
    }
    const bool run = type == 1;  // of one byte
    at += 3 + (run ? 1 : size);
  }
  return {};
}

}  // namespace

bool encode_zstd_frame(Bytes plain, int level, std::size_t limit, std::vector<std::byte>& frame) {
  if (plain.empty() || limit == 0) return false;
  ZSTD_CCtx* const context = context_of_thread<ZSTD_CCtx, ZSTD_createCCtx>();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  frame.resize(ZSTD_compressBound(plain.size()));
  const std::size_t size =
      ZSTD_compress2(context, frame.data(), frame.size(), plain.data(), plain.size());
  if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) throw std::bad_alloc();
  if (ZSTD_isError(size) || size >= limit) return false;
  frame.resize(size);
  return true;
}

Status decode_zstd_frame(Bytes frame, std::uint64_t max_window, MutableBytes out) {
  if (frame.size() < 6 || load_le<std::uint32_t>(frame.data()) != kFrameMagic) {
    return error_with_message(Code::kMalformed, "zstd: payload does not begin with a frame");
  }
  if (ZSTD_getDictID_fromFrame(frame.data(), frame.size()) != 0) {
    return error_with_message(Code::kMalformed, "zstd: frame asks for a dictionary");
  }
  const std::size_t length = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(length)) {
    return make_error(Code::kMalformed, "zstd: {}", ZSTD_getErrorName(length));
  }
  if (length != frame.size()) {
    return make_error(Code::kMalformed, "zstd: {} unexpected bytes after the frame",
                      frame.size() - length);
  }
  const auto content = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (content != out.size()) {
    return make_error(Code::kMalformed, "zstd: content size {}, expected {} bytes",
                      content >= ZSTD_CONTENTSIZE_ERROR ? "absent" : fmt::to_string(content),
                      out.size());
  }
  const std::uint64_t window = window_size(frame, content);
  if (window > max_window) {
    return make_error(Code::kMalformed, "zstd: a window of {} bytes, the limit is {}", window,
                      max_window);
  }
  BBZ_TRY(check_blocks(frame, window));
  ZSTD_DCtx* const context = context_of_thread<ZSTD_DCtx, ZSTD_createDCtx>();
  const std::size_t size =
      ZSTD_decompressDCtx(context, out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) {
    return make_error(Code::kMalformed, "zstd: {}", ZSTD_getErrorName(size));
  }
  if (size != out.size()) {
    return make_error(Code::kMalformed, "zstd: {} bytes decoded, expected {}", size, out.size());
  }
  return {};
}

}  // namespace bbz
