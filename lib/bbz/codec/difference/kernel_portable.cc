// The kernel for every machine; the other kernels are tested against it.
#include "bbz/codec/difference/loops.h"

namespace bbz::codec::difference {
namespace {

struct Portable {
  template <class T>
  static void find_fields(const T* elements, int shift, T mask, std::uint8_t* fields) {
    for (int i = 0; i < 64; ++i) {
      fields[i] = static_cast<std::uint8_t>(static_cast<T>(elements[i] >> shift) & mask);
    }
  }
  static void find_intervals(const std::uint8_t* exponents, const Classes& classes,
                             std::uint8_t* contexts) {
    std::uint8_t found[64] = {};
    for (int t = 1; t < classes.tables; ++t) {
      const std::uint8_t first = classes.first[t];
      for (int i = 0; i < 64; ++i) {
        found[i] = static_cast<std::uint8_t>(found[i] + (exponents[i] >= first ? 1 : 0));
      }
    }
    std::memcpy(contexts, found, 64);
  }
  static std::uint64_t set_of(const std::uint8_t* bytes) {
    std::uint64_t set = 0;
    for (int i = 0; i < 8; ++i) {
      // Takes another bit of each byte, and adds the bytes.
      const std::uint64_t word = load_le<std::uint64_t>(bytes + 8 * i) & 0x8040201008040201;
      set |= word * 0x0101010101010101 >> 56 << (8 * i);
    }
    return set;
  }
};

}  // namespace

const Kernel kPortableKernel = {"portable", loop_count<Portable>, loop_merge<Portable>,
                                loop_split<Portable>};

}  // namespace bbz::codec::difference
