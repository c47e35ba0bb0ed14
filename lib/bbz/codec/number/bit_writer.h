// Writes the lower bits of elements one after the other; merge.h reads them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bbz/base/wire.h"

namespace bbz::codec::number {

// Writes bits from the lowest bit of the first byte up. The memory belongs to the caller, and is cleared.
class BitWriter {
 public:
  explicit BitWriter(std::vector<std::uint8_t>& out) : out_(out) { out_.clear(); }
  // Appends the lowest `count` bits (0-64) of a value, which has no others.
  void put(std::uint64_t value, int count) {
    pending_ |= value << filled_;
    if (filled_ + count < 64) {
      filled_ += count;
      return;
    }
    put_bytes(8);
    const int taken = 64 - filled_;
    filled_ += count - 64;
    pending_ = taken == 64 ? 0 : value >> taken;
  }
  void finish() {
    put_bytes(static_cast<std::size_t>((filled_ + 7) / 8));
    pending_ = 0;
    filled_ = 0;
  }

 private:
  void put_bytes(std::size_t count) {
    std::array<std::uint8_t, 8> bytes;
    store_le(bytes.data(), pending_);
    out_.insert(out_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  }

  std::vector<std::uint8_t>& out_;
  std::uint64_t pending_ = 0;
  int filled_ = 0;
};

}  // namespace bbz::codec::number
