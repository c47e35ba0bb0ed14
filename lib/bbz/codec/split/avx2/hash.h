// XXH3 in the loop of the AVX2 decoder. It hashes bytes that were just decoded and are still in the
// first cache. avx512/hash.h is the version for AVX-512.
#pragma once

#include "bbz/base/xxh3.h"
#include "bbz/codec/split/avx2/format.h"

#if defined(__x86_64__)

#include <cstdint>

BBZ_AVX2_BEGIN

namespace bbz::codec::split::avx2 {

// Continues the hash of a job while its chunk is decoded. Does nothing if the job has no hash.
class Hash {
 public:
  explicit Hash(const DecodeJob& job) : secret_(xxh3::secret()), at_(job.out) {
    if (job.hash == nullptr) return;
    const Xxh3Follower::Progress& progress = job.hash->progress();
    for (int i = 0; i < 2; ++i) acc_[i] = load(progress.accumulators.data() + 4 * i);
    at_ += progress.blocks * xxh3::kBlock;
    due_ = reinterpret_cast<std::uintptr_t>(at_) + kDue;
  }

  // Hashes blocks before `out`, up to which the chunk is decoded.
  BBZ_AVX2_INLINE void follow(const std::uint8_t* out) {
    for (; reinterpret_cast<std::uintptr_t>(out) >= due_; due_ += xxh3::kBlock) take_block();
  }

  // Stores the state in the job's hash.
  void store(const DecodeJob& job) const {
    if (job.hash == nullptr) return;
    Xxh3Follower::Progress& progress = job.hash->progress();
    for (int i = 0; i < 2; ++i) avx2::store(progress.accumulators.data() + 4 * i, acc_[i]);
    progress.blocks = static_cast<std::size_t>(at_ - job.out) / xxh3::kBlock;
  }

 private:
  // A block is hashed when this many bytes from its beginning are decoded. That is more than its
  // size, because its last bytes may not be in the cache yet, and because the last byte of the
  // chunk is left to finish().
  static constexpr std::uintptr_t kDue = xxh3::kBlock + 1024;
  static constexpr int kPrime = static_cast<int>(0x9E3779B1u);  // XXH_PRIME32_1

  BBZ_AVX2_INLINE void take_block() {
    const std::uint8_t* secret = secret_;
    asm("" : "+r"(secret));  // otherwise compilers try to keep all of it in registers
    V acc[2] = {acc_[0], acc_[1]};
    // XXH3 adds the words of a stripe with neighbours exchanged. Exchanging them in the sum
    // suffices.
    V sum[2] = {V{}, V{}};
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) {
      for (int half = 0; half < 2; ++half) {
        const V data = load(at_ + 64 * i + 32 * half);
        const V keyed = _mm256_xor_si256(data, load(secret + 8 * i + 32 * half));
        const V product = _mm256_mul_epu32(keyed, _mm256_shuffle_epi32(keyed, 0x31));
        acc[half] = _mm256_add_epi64(acc[half], product);
        sum[half] = _mm256_add_epi64(sum[half], data);
      }
      // Orders the stripes one after the other, because there are few registers.
      asm("" : "+x"(acc[0]), "+x"(acc[1]), "+x"(sum[0]), "+x"(sum[1]));
    }
    for (int half = 0; half < 2; ++half) {
      const V all = _mm256_add_epi64(acc[half], _mm256_shuffle_epi32(sum[half], 0x4E));
      const V key = load(secret + xxh3::kScrambleAt + 32 * half);
      const V mixed = _mm256_xor_si256(_mm256_xor_si256(all, _mm256_srli_epi64(all, 47)), key);
      const V prime = _mm256_set1_epi32(kPrime);
      const V high = _mm256_mul_epu32(_mm256_srli_epi64(mixed, 32), prime);
      acc_[half] = _mm256_add_epi64(_mm256_mul_epu32(mixed, prime), _mm256_slli_epi64(high, 32));
    }
    at_ += xxh3::kBlock;
  }

  V acc_[2] = {V{}, V{}};
  const std::uint8_t* secret_;
  const std::uint8_t* at_;
  std::uintptr_t due_ = UINTPTR_MAX;
};

}  // namespace bbz::codec::split::avx2

BBZ_AVX2_END

#endif  // defined(__x86_64__)
