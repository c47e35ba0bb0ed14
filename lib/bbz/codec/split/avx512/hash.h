// XXH3 in the loop of the AVX-512 decoder. It hashes bytes that were just decoded, while memory
// delivers what the decoder has prefetched.
#pragma once

#include "bbz/base/xxh3.h"
#include "bbz/codec/split/avx512/avx512.h"

#if defined(__x86_64__)

#include <cstdint>

BBZ_AVX512_BEGIN

namespace bbz::codec::split::avx512 {

// Continues the hash of a job while its chunk is decoded. Does nothing if the job has no hash.
class Hash {
 public:
  explicit Hash(const DecodeJob& job) : secret_(xxh3::secret()), at_(job.out) {
    if (job.hash == nullptr) return;
    Xxh3Follower::Progress& progress = job.hash->progress();
    accumulators_ = progress.accumulators.data();
    _mm512_store_si512(acc_.data(), load(accumulators_));
    at_ += progress.blocks * xxh3::kBlock;
    due_ = reinterpret_cast<std::uintptr_t>(at_) + kDue;
  }

  // Hashes blocks before `out`, up to which the chunk is decoded.
  BBZ_AVX512_INLINE void follow(const std::uint8_t* out) {
    for (; reinterpret_cast<std::uintptr_t>(out) >= due_; due_ += kPart) take_part();
  }

  // Stores the number of blocks in the job's hash.
  void store(const DecodeJob& job) const {
    if (job.hash == nullptr) return;
    job.hash->progress().blocks = static_cast<std::size_t>(at_ - job.out) / xxh3::kBlock;
  }

 private:
  // The number of bytes that are hashed at once. It is only half a block, because memory is idle
  // while the decoder requests nothing.
  static constexpr std::size_t kPart = xxh3::kBlock / 2;
  // A part is hashed when this many bytes from its beginning are decoded. That is more than its
  // size, because its last bytes may not be in the cache yet, and because the last byte of the
  // chunk is left to finish().
  static constexpr std::uintptr_t kDue = 2048;
  static constexpr int kPrime = static_cast<int>(0x9E3779B1u);  // XXH_PRIME32_1

  BBZ_AVX512_INLINE void take_part() {
    V acc = _mm512_load_si512(acc_.data());
    V sum = _mm512_load_si512(sum_.data());
    const std::uint8_t* keys = secret_ + part_ / 8;
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kPart / 64; ++i) {
      const V data = load(at_ + 64 * i);
      const V keyed = _mm512_xor_si512(data, load(keys + 8 * i));
      const V product = _mm512_mul_epu32(keyed, _mm512_shuffle_epi32(keyed, _MM_PERM_CDAB));
      acc = _mm512_add_epi64(acc, product);
      sum = _mm512_add_epi64(sum, data);
      // Orders the stripes one after the other, because there are few registers.
      asm("" : "+v"(acc), "+v"(sum));
    }
    at_ += kPart;
    part_ = (part_ + kPart) % xxh3::kBlock;
    if (part_ == 0) {
      acc = _mm512_add_epi64(acc, _mm512_shuffle_epi32(sum, _MM_PERM_BADC));
      const V key = load(secret_ + xxh3::kScrambleAt);
      const V mixed = _mm512_xor_si512(_mm512_xor_si512(acc, _mm512_srli_epi64(acc, 47)), key);
      const V prime = _mm512_set1_epi32(kPrime);
      const V high = _mm512_mul_epu32(_mm512_srli_epi64(mixed, 32), prime);
      acc = _mm512_add_epi64(_mm512_mul_epu32(mixed, prime), _mm512_slli_epi64(high, 32));
      sum = V{};
      _mm512_storeu_si512(accumulators_, acc);
    }
    _mm512_store_si512(acc_.data(), acc);
    _mm512_store_si512(sum_.data(), sum);
  }

  // In memory, because the decoder leaves few registers.
  alignas(64) std::array<std::uint64_t, 8> acc_{};
  // XXH3 adds the words of a stripe with neighbours exchanged. Exchanging them in the sum of a
  // block suffices.
  alignas(64) std::array<std::uint64_t, 8> sum_{};
  std::uint64_t* accumulators_ = nullptr;  // after the last whole block
  const std::uint8_t* secret_;
  const std::uint8_t* at_;
  std::size_t part_ = 0;  // offset of at_ in its block
  std::uintptr_t due_ = UINTPTR_MAX;
};

}  // namespace bbz::codec::split::avx512

BBZ_AVX512_END

#endif  // defined(__x86_64__)
