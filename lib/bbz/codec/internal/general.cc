#include "bbz/codec/internal/general.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "bbz/base/format.h"

namespace bbz::codec {
namespace {

// Returns the size of the constant codec's pattern: the smallest number of bytes with whole
// elements.
std::size_t pattern_size(const ChunkShape& shape) {
  return std::lcm(element_bits(shape), 8U) / 8;
}

// The number of bytes that are copied before they are hashed. They fit into the first cache.
constexpr std::size_t kHashStep = std::size_t{16} << 10;

}  // namespace

bool encode_raw(const ChunkShape&, Bytes plain, Level, std::size_t limit,
                std::vector<std::byte>& payload) {
  if (plain.size() >= limit) return false;
  payload.assign(plain.begin(), plain.end());
  return true;
}

Status decode_raw(const ChunkShape&, Bytes payload, MutableBytes out, Xxh3Follower* hash) {
  if (payload.size() != out.size()) {
    return make_error(Code::kMalformed, "raw: payload of {} bytes for a chunk of {}",
                      payload.size(), out.size());
  }
  const std::size_t step = hash == nullptr ? out.size() : kHashStep;
  for (std::size_t at = 0; at < out.size(); at += step) {
    const std::size_t size = std::min(step, out.size() - at);
    std::memcpy(out.data() + at, payload.data() + at, size);
    if (hash != nullptr) hash->advance(at + size);
  }
  return {};
}

bool encode_constant(const ChunkShape& shape, Bytes plain, Level, std::size_t limit,
                     std::vector<std::byte>& payload) {
  const std::size_t size = pattern_size(shape);
  if (plain.size() <= size || plain.size() % size != 0 || size >= limit) return false;
  if (std::memcmp(plain.data(), plain.data() + size, plain.size() - size) != 0) return false;
  payload.assign(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(size));
  return true;
}

Status decode_constant(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower*) {
  const std::size_t size = pattern_size(shape);
  if (payload.size() != size) {
    return make_error(Code::kMalformed, "constant: payload of {} bytes, expected {}",
                      payload.size(), size);
  }
  if (out.empty() || out.size() % size != 0) {
    return make_error(Code::kMalformed, "constant: chunk of {} bytes is not a multiple of {}",
                      out.size(), size);
  }
  std::memcpy(out.data(), payload.data(), size);
  // Each copy doubles the filled part, so the pattern is repeated at the speed of memcpy.
  for (std::size_t filled = size; filled < out.size();) {
    const std::size_t step = std::min(filled, out.size() - filled);
    std::memcpy(out.data() + filled, out.data(), step);
    filled += step;
  }
  return {};
}

}  // namespace bbz::codec
