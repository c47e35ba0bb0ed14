#include "bbz/base/zstd_frame.h"
#include "bbz/codec/internal/general.h"

namespace bbz::codec {
namespace {

constexpr std::uint64_t kMaxWindow = std::uint64_t{64} << 20;  // size of the largest chunk

constexpr int kFast = 1;
constexpr int kUsual = 3;
constexpr int kHigh = 12;
constexpr int kThorough = 19;

}  // namespace

// No level of zstd is always better than a lower one: in noise, a longer search finds matches that do
// not pay. So a higher level of the encoder tries all that a lower one does.
bool encode_zstd(const ChunkShape&, Bytes plain, Level level, std::size_t limit,
                 std::vector<std::byte>& payload) {
  if (level == Level::kFast) return encode_zstd_frame(plain, kFast, limit, payload);
  thread_local std::vector<std::byte> other;
  bool found = encode_zstd_frame(plain, kUsual, limit, payload);
  if (found) limit = payload.size();
  const auto try_level = [&](int zstd_level) {
    if (!encode_zstd_frame(plain, zstd_level, limit, other)) return;
    std::swap(payload, other);
    limit = payload.size();
    found = true;
  };
  // What is smaller than that has matches.
  if (limit > plain.size() / 2) try_level(kFast);
  if (level == Level::kSmall) {
    try_level(kHigh);
    try_level(kThorough);
  }
  return found;
}

bool encode_zstd_thoroughly(Bytes plain, std::size_t limit, std::vector<std::byte>& payload) {
  return encode_zstd_frame(plain, kThorough, limit, payload);
}

Status decode_zstd(const ChunkShape&, Bytes payload, MutableBytes out, Xxh3Follower*) {
  return decode_zstd_frame(payload, kMaxWindow, out);
}

}  // namespace bbz::codec
