// The functions of a Kernel. Several files include this header, each compiled for another
// instruction set. It includes only xxHash, whose functions are static here, so no code that needs
// AVX is linked into the rest of the program.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bbz/base/xxh3.h"

namespace bbz::xxh3 {
namespace {

inline std::uint64_t hash64(const void* p, std::size_t size) {
  return XXH3_64bits(p, size);
}

inline void update(void* state, const void* p, std::size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), p, size);  // also right for 128 bits
}

inline void blocks(Accumulators& accumulators, const void* p, std::size_t count) {
  const auto* in = static_cast<const unsigned char*>(p);
  // Compilers keep accumulators in registers if they are on the stack.
  alignas(XXH_ACC_ALIGN) XXH64_hash_t acc[XXH_ACC_NB];
  XXH_memcpy(acc, accumulators.data(), sizeof acc);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t at = 0; at < kBlock; at += XXH_STRIPE_LEN) {
      XXH3_accumulate_512(acc, in + at,
                          XXH3_kSecret + at / XXH_STRIPE_LEN * XXH_SECRET_CONSUME_RATE);
    }
    XXH3_scrambleAcc(acc, XXH3_kSecret + kScrambleAt);
    in += kBlock;
  }
  XXH_memcpy(accumulators.data(), acc, sizeof acc);
}

}  // namespace
}  // namespace bbz::xxh3
