// A binary arithmetic coder with adaptive models, in integers only: the carry-propagating range
// coder of LZMA (G. N. N. Martin, 1979) with the probability estimator of Krichevsky and Trofimov.
// Encoder and decoder are mirror images. Section 5 of format-spec/bits-back.md is normative.
#pragma once

#include <array>
#include <vector>

#include "bbz/base/checked.h"

namespace bbz::bitsback {

// Learns the probability that the next bit is 0 from the bits seen, in 65536ths.
class BitModel {
 public:
  // Returns the probability of 0 in 32768ths, in 1 ... 32767.
  std::uint32_t zero_share() const {
    const std::uint32_t share = probability_ >> 1;
    return share < 1 ? 1 : share > 32767 ? 32767 : share;
  }
  // Updates the probability after a bit.
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

// The number of zero bytes at the end of a stream that the encoder may omit.
inline constexpr int kUnwritten = 4;

// Encodes bits into bytes.
class RangeEncoder {
 public:
  // Encodes a bit with a model, which learns it.
  void put(BitModel& model, bool bit);
  // Encodes the low `count` bits of value, the highest first, each with probability 1/2.
  // 0 <= count <= 32.
  void put_raw(std::uint32_t value, int count);
  // Ends the stream and returns the shortest bytes that decode to what was put.
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

// Decodes the bytes of a RangeEncoder, given the same models.
class RangeDecoder {
 public:
  // Decodes `in`, which must outlive the decoder.
  explicit RangeDecoder(Bytes in);

  // Decodes a bit with a model, which learns it.
  bool get(BitModel& model);
  // Decodes `count` bits of probability 1/2, the highest first. 0 <= count <= 32.
  std::uint32_t get_raw(int count);
  // Returns whether more bytes were read past the end than an encoder may omit, so that the input
  // is truncated or forged. Once true, it stays true.
  bool starved() const { return next_ > in_.size() + kUnwritten; }
  // Returns whether the whole input was read, and not starved().
  bool finished() const { return next_ >= in_.size() && !starved(); }

 private:
  std::uint8_t next_byte();
  void refill();

  Bytes in_;
  std::size_t next_ = 0;
  std::uint32_t range_ = 0xFFFFFFFF;
  std::uint32_t code_ = 0;
};

// Codes whole numbers of any size, small ones in fewer bits: in unary with a model for each place,
// and from kUnary on with an Elias gamma code of the rest, whose bits have probability 1/2.
class NumberModel {
 public:
  // Encodes a number.
  void put(RangeEncoder& out, std::uint32_t value);
  // Decodes a number. A gamma code for more than 2^32 - 1, which no encoder writes, gives 2^32 - 1.
  std::uint32_t get(RangeDecoder& in);

 private:
  static constexpr std::uint32_t kUnary = 14;
  std::array<BitModel, kUnary> places_;
};

}  // namespace bbz::bitsback
