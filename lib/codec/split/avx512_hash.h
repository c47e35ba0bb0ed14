// XXH3 in the loop of the AVX-512 decoder: it takes in what was written a moment ago, while memory
// brings what the decoder has asked for.
#pragma once

#include "bbz/base/xxh3.h"
#include "bbz/codec/split/avx512.h"

#if defined(__x86_64__)

#include <cstdint>

BBZ_AVX512_BEGIN

namespace bbz::codec::split::avx512 {

class Hash {
 public:
  explicit Hash(const DecodeJob& job) : secret_(xxh3::secret()), at_(job.out) {
    if (job.hash == nullptr) return;
    Xxh3Follower::Progress& progress = job.hash->progress();
    accumulators_ = progress.accumulators.data();
    at_ += progress.blocks * xxh3::kBlock;
    due_ = reinterpret_cast<std::uintptr_t>(at_) + kDue;
  }

  // All before `out` is decoded.
  BBZ_AVX512_INLINE void follow(const std::uint8_t* out) {
    for (; reinterpret_cast<std::uintptr_t>(out) >= due_; due_ += xxh3::kBlock) take_block();
  }

  void store(const DecodeJob& job) const {
    if (job.hash == nullptr) return;
    job.hash->progress().blocks = static_cast<std::size_t>(at_ - job.out) / xxh3::kBlock;
  }

 private:
  // A block is taken in when as much as this is there from where it begins: more than it is, as its
  // last bytes may still be on their way to the cache, and the last byte of all is not for us.
  static constexpr std::uintptr_t kDue = xxh3::kBlock + 1024;
  static constexpr int kPrime = static_cast<int>(0x9E3779B1u);  // XXH_PRIME32_1

  BBZ_AVX512_INLINE void take_block() {
    V acc = load(accumulators_);
    V sum = V{};  // XXH3 adds a stripe's words with neighbours exchanged: so is their sum below
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const V data = load(at_ + 64 * i);
      const V keyed = _mm512_xor_si512(data, load(secret_ + 8 * i));
      const V product = _mm512_mul_epu32(keyed, _mm512_shuffle_epi32(keyed, _MM_PERM_CDAB));
      acc = _mm512_add_epi64(acc, product);
      sum = _mm512_add_epi64(sum, data);
      // One stripe after the other, again for want of registers.
      asm("" : "+v"(acc), "+v"(sum));
    }
    acc = _mm512_add_epi64(acc, _mm512_shuffle_epi32(sum, _MM_PERM_BADC));
    const V key = load(secret_ + xxh3::kScrambleAt);
    const V mixed = _mm512_xor_si512(_mm512_xor_si512(acc, _mm512_srli_epi64(acc, 47)), key);
    const V prime = _mm512_set1_epi32(kPrime);
    const V high = _mm512_mul_epu32(_mm512_srli_epi64(mixed, 32), prime);
    acc = _mm512_add_epi64(_mm512_mul_epu32(mixed, prime), _mm512_slli_epi64(high, 32));
    _mm512_storeu_si512(accumulators_, acc);
    at_ += xxh3::kBlock;
  }

  std::uint64_t* accumulators_ = nullptr;  // in memory, as the decoder leaves few registers
  const std::uint8_t* secret_;
  const std::uint8_t* at_;
  std::uintptr_t due_ = UINTPTR_MAX;
};

}  // namespace bbz::codec::split::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
