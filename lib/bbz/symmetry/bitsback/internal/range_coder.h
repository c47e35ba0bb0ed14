// A binary arithmetic coder with adaptive models, in integers only: the carry-propagating range
// coder of LZMA (G. N. N. Martin, 1979) with probabilities counted as Krichevsky and Trofimov do.
// The encoder and the decoder are mirror images; format-spec/bits-back.md section 5 is normative.
#pragma once

#include <array>
#include <vector>

#include "bbz/base/checked.h"

namespace bbz::bitsback {

// The probability that the next bit is 0, in 65536ths, learned from the bits seen.
class BitModel {
 public:
  // In 1 ... 32767: the probability of 0 in 32768ths.
  std::uint32_t zero_share() const {
    const std::uint32_t share = probability_ >> 1;
    return share < 1 ? 1 : share > 32767 ? 32767 : share;
  }
  void learn(bool bit) {
    const std::uint32_t rate = 65536 / (seen_ + 2);
    if (bit) {
      probability_ -= (probability_ * rate) >> 16;
    } else {
      probability_ += ((65536 - probability_) * rate) >> 16;
    }
    if (seen_ < kMemory) ++seen_;
  }

 private:
  static constexpr std::uint32_t kMemory = 510;
  std::uint32_t probability_ = 32768;
  std::uint32_t seen_ = 0;
};

// Zero bytes at the end of a stream that the encoder may leave unwritten.
inline constexpr int kUnwritten = 4;

class RangeEncoder {
 public:
  void put(BitModel& model, bool bit);
  // The low `count` bits of value, the highest first, each at even odds. 0 <= count <= 32.
  void put_raw(std::uint32_t value, int count);
  // Ends the stream: the shortest string of bytes that decodes to what was put.
  std::vector<std::byte> finish();

 private:
  void narrow_to(std::uint32_t offset, std::uint32_t size);
  void shift_low();

  std::uint64_t low_ = 0;
  std::uint32_t range_ = 0xFFFFFFFF;
  std::uint64_t pending_ = 0;  // bytes held back until a carry can no longer reach them
  std::uint8_t held_ = 0;
  bool holding_ = false;
  std::vector<std::byte> out_;
};

class RangeDecoder {
 public:
  explicit RangeDecoder(Bytes in);

  bool get(BitModel& model);
  std::uint32_t get_raw(int count);
  // More was read than any encoder leaves unwritten: the input is cut or forged. Sticky.
  bool starved() const { return next_ > in_.size() + kUnwritten; }
  // The whole input has entered the decoder, and no more than an encoder may leave unwritten.
  bool finished() const { return next_ >= in_.size() && !starved(); }

 private:
  std::uint8_t next_byte();
  void refill();

  Bytes in_;
  std::size_t next_ = 0;
  std::uint32_t range_ = 0xFFFFFFFF;
  std::uint32_t code_ = 0;
};

// Whole numbers of any size, small ones cheaper: a unary part with a model for each place, and from
// kUnary on an Elias-gamma code of the rest at even odds.
class NumberModel {
 public:
  void put(RangeEncoder& out, std::uint32_t value);
  // At most 2^32 - 1; a longer gamma code, which no encoder writes, saturates.
  std::uint32_t get(RangeDecoder& in);

 private:
  static constexpr std::uint32_t kUnary = 14;
  std::array<BitModel, kUnary> places_;
};

}  // namespace bbz::bitsback
