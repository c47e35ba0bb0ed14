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
    const Xxh3Follower::Progress& progress = job.hash->progress();
    acc_ = load(progress.accumulators.data());
    at_ += progress.blocks * xxh3::kBlock;
    due_ = reinterpret_cast<std::uintptr_t>(at_) + kDue;
  }

  // All before `out` is decoded.
  void follow(const std::uint8_t* out) {
    while (reinterpret_cast<std::uintptr_t>(out) >= due_) {
      for (int i = 0; i < kBlocks; ++i, at_ += xxh3::kBlock) take_block();
      due_ += kBlocks * xxh3::kBlock;
    }
  }

  void store(const DecodeJob& job) const {
    if (job.hash == nullptr) return;
    Xxh3Follower::Progress& progress = job.hash->progress();
    _mm512_storeu_si512(progress.accumulators.data(), acc_);
    progress.blocks = static_cast<std::size_t>(at_ - job.out) / xxh3::kBlock;
  }

 private:
  // Blocks at a time: the decoder's registers go to memory and back for it.
  static constexpr int kBlocks = 4;
  // They are taken in when as much as this is there from where they begin: more than they are, as
  // their last bytes may still be on their way to the cache, and the last byte of all is not for
  // us.
  static constexpr std::uintptr_t kDue = kBlocks * xxh3::kBlock + 3072;
  static constexpr int kPrime = static_cast<int>(0x9E3779B1u);  // XXH_PRIME32_1

  void take_block() {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      const V data = load(at_ + 64 * i);
      const V keyed = _mm512_xor_si512(data, load(secret_ + 8 * i));
      const V product = _mm512_mul_epu32(keyed, _mm512_srli_epi64(keyed, 32));
      const V swapped = _mm512_shuffle_epi32(data, _MM_PERM_BADC);
      acc_ = _mm512_add_epi64(acc_, _mm512_add_epi64(product, swapped));
    }
    const V key = load(secret_ + xxh3::kScrambleAt);
    const V mixed = _mm512_xor_si512(_mm512_xor_si512(acc_, _mm512_srli_epi64(acc_, 47)), key);
    const V prime = _mm512_set1_epi32(kPrime);
    const V high = _mm512_mul_epu32(_mm512_srli_epi64(mixed, 32), prime);
    acc_ = _mm512_add_epi64(_mm512_mul_epu32(mixed, prime), _mm512_slli_epi64(high, 32));
  }

  V acc_ = V{};
  const std::uint8_t* secret_;
  const std::uint8_t* at_;
  std::uintptr_t due_ = UINTPTR_MAX;
};

}  // namespace bbz::codec::split::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
