#include <zstd.h>

#include <memory>

#include "bbz/base/format.h"
#include "bbz/base/wire.h"
#include "bbz/codec/general.h"

namespace bbz::codec {
namespace {

constexpr std::uint32_t kFrameMagic = 0xFD2FB528;
constexpr int kMaxWindowLog = 26;  // 64 MiB, the largest chunk

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// A context is costly to make and may not be shared, so each thread keeps one.
ZSTD_CCtx* compression_context() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  return context.get();
}

ZSTD_DCtx* decompression_context() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

int zstd_level(Level level) {
  switch (level) {
    case Level::kFast:
      return 1;
    case Level::kDefault:
      return 3;
    case Level::kSmall:
      return 12;
  }
  return 3;
}

// log2 of the frame's Window_Size, rounded up; 0 for a frame of one segment, whose window is its
// content. See RFC 8878, 3.1.1.1.2. Precondition: a frame header is there.
int window_log(Bytes frame) {
  const auto descriptor = std::to_integer<unsigned>(frame[4]);
  if ((descriptor & 0x20) != 0) return 0;
  const auto window = std::to_integer<unsigned>(frame[5]);
  return static_cast<int>(10 + (window >> 3) + ((window & 7) != 0 ? 1 : 0));
}

}  // namespace

bool encode_zstd(const ChunkShape&, Bytes plain, Level level, std::size_t limit,
                 std::vector<std::byte>& payload) {
  ZSTD_CCtx* context = compression_context();
  if (context == nullptr || plain.empty() || limit == 0) return false;
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, zstd_level(level));
  payload.resize(ZSTD_compressBound(plain.size()));
  const std::size_t size =
      ZSTD_compress2(context, payload.data(), payload.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) || size >= limit) return false;
  payload.resize(size);
  return true;
}

Status decode_zstd(const ChunkShape&, Bytes payload, MutableBytes out) {
  if (payload.size() < 6 || load_le<std::uint32_t>(payload.data()) != kFrameMagic) {
    return error_with_message(Code::kMalformed, "zstd: payload does not begin with a frame");
  }
  if (ZSTD_getDictID_fromFrame(payload.data(), payload.size()) != 0) {
    return error_with_message(Code::kMalformed, "zstd: frame asks for a dictionary");
  }
  if (window_log(payload) > kMaxWindowLog) {
    return make_error(Code::kMalformed, "zstd: window of more than 2^{} bytes", kMaxWindowLog);
  }
  const std::size_t frame = ZSTD_findFrameCompressedSize(payload.data(), payload.size());
  if (ZSTD_isError(frame)) {
    return make_error(Code::kMalformed, "zstd: {}", ZSTD_getErrorName(frame));
  }
  if (frame != payload.size()) {
    return make_error(Code::kMalformed, "zstd: {} bytes after the frame", payload.size() - frame);
  }
  const auto content = ZSTD_getFrameContentSize(payload.data(), payload.size());
  if (content != out.size()) {
    return make_error(Code::kMalformed, "zstd: content size {} for a chunk of {} bytes",
                      content >= ZSTD_CONTENTSIZE_ERROR ? "absent" : fmt::to_string(content),
                      out.size());
  }
  ZSTD_DCtx* context = decompression_context();
  if (context == nullptr) {
    return error_with_message(Code::kInternal, "zstd: no memory for a decompression context");
  }
  const std::size_t size =
      ZSTD_decompressDCtx(context, out.data(), out.size(), payload.data(), payload.size());
  if (ZSTD_isError(size)) {
    return make_error(Code::kMalformed, "zstd: {}", ZSTD_getErrorName(size));
  }
  if (size != out.size()) {
    return make_error(Code::kMalformed, "zstd: {} bytes decoded, expected {}", size, out.size());
  }
  return {};
}

}  // namespace bbz::codec
