// Writes the lower bits of elements one after the other; merge.h reads them.
#pragma once

#include <cstdint>
#include <span>

#include "bbz/base/wire.h"

namespace bbz::codec::number {

// Writes bits from the lowest bit of the first byte up. The memory belongs to the caller.
class BitWriter {
 public:
  // Returns how many bytes so many bits need, while they are written.
  static std::size_t room(std::uint64_t bits) { return bits / 8 + 16; }

  // Writes to memory that has room() for all bits.
  explicit BitWriter(std::uint8_t* out) : begin_(out), at_(out) {}
  // Appends the lowest `count` bits (0-64) of a value, which has no others.
  void put(std::uint64_t value, int count) {
    pending_ |= value << filled_;
    store_le(at_, pending_);
    if (filled_ + count < 64) {
      filled_ += count;
      const int whole = filled_ / 8;
      at_ += whole;
      filled_ %= 8;
      pending_ >>= 8 * whole;
      return;
    }
    at_ += 8;
    const int taken = 64 - filled_;
    filled_ += count - 64;
    pending_ = taken == 64 ? 0 : value >> taken;
  }
  // Returns all that was written.
  std::span<const std::uint8_t> finish() {
    store_le(at_, pending_);
    return {begin_, at_ + (filled_ + 7) / 8};
  }

 private:
  std::uint8_t* begin_;
  std::uint8_t* at_;
  std::uint64_t pending_ = 0;
  int filled_ = 0;  // bits of these, below 8 between calls
};

}  // namespace bbz::codec::number
