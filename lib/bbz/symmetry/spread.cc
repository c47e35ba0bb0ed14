#include <cstring>

#include "bbz/base/cpu.h"
#include "bbz/symmetry/internal/spread.h"

namespace bbz::symmetry {
namespace {

template <class Word>
std::uint64_t spread(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                     std::byte* out) {
  // Zeros are as frequent as other elements and come in no order that a branch could foresee.
  std::uint64_t taken = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t zero = zeros >> i & 1;
    Word value;
    std::memcpy(&value, from + taken * sizeof value, sizeof value);
    value = static_cast<Word>(value & (static_cast<Word>(zero) - Word{1}));
    std::memcpy(out + i * sizeof value, &value, sizeof value);
    taken += 1 - zero;
  }
  return taken;
}

}  // namespace

std::uint64_t spread2(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                      std::byte* out) {
  return spread<std::uint16_t>(zeros, count, from, out);
}
std::uint64_t spread4(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                      std::byte* out) {
  return spread<std::uint32_t>(zeros, count, from, out);
}
std::uint64_t spread8(std::uint64_t zeros, std::uint64_t count, const std::byte* from,
                      std::byte* out) {
  return spread<std::uint64_t>(zeros, count, from, out);
}

Spread best_spread(std::size_t element_bytes) {
#if defined(__x86_64__)
  if (cpu::features().avx2 && element_bytes == 2) return spread2_avx2;
  if (cpu::features().avx2 && element_bytes == 4) return spread4_avx2;
#endif
  return element_bytes == 2 ? spread2 : element_bytes == 4 ? spread4 : spread8;
}

}  // namespace bbz::symmetry
