#include "bbz/base/zstd_frame.h"
#include "bbz/codec/internal/general.h"

namespace bbz::codec {
namespace {

constexpr std::uint64_t kMaxWindow = std::uint64_t{64} << 20;  // size of the largest chunk

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

}  // namespace

bool encode_zstd(const ChunkShape&, Bytes plain, Level level, std::size_t limit,
                 std::vector<std::byte>& payload) {
  return encode_zstd_frame(plain, zstd_level(level), limit, payload);
}

Status decode_zstd(const ChunkShape&, Bytes payload, MutableBytes out, Xxh3Follower*) {
  return decode_zstd_frame(payload, kMaxWindow, out);
}

}  // namespace bbz::codec
