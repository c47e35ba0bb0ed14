#include <algorithm>

#include "bbz/symmetry/bitsback/bitsback.h"
#include "bbz/symmetry/bitsback/internal/header.h"

namespace bbz::bitsback {

std::uint64_t least_stored_bytes(std::uint64_t width, Bytes record) {
  const std::uint64_t mixed = divide_up(width * width, 2);
  if (record.size() < kHeaderSize) return mixed;
  return std::max(mixed,
                  divide_up(capacity_bits(width, std::to_integer<int>(record[kBitsOffset])), 8));
}

}  // namespace bbz::bitsback
