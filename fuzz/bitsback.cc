// Two properties. A record from outside with carriers from outside is refused or decodes, twice to
// the same. Carriers from outside are refused, or carry riders that come back from what encode()
// made.
//
// Input: kind, width, dtype, carrier rows; that many rows; the rest is the record or the riders.
#include <cstdint>
#include <cstdlib>

#include "bbz/symmetry/bitsback/bitsback.h"

namespace {

using namespace bbz;
using namespace bbz::bitsback;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_encode(std::uint64_t width, std::span<const Carrier> carriers, Bytes riders) {
  const auto plan = plan_junction(width, carriers);
  if (!plan.ok()) return;
  riders = riders.first(std::min<std::uint64_t>(riders.size(), capacity_bytes(*plan)));
  const auto drawn = encode(*plan, carriers, riders);
  if (!drawn.ok()) {
    require(drawn.code() == Code::kUnsupported);
    return;
  }
  const std::vector<Carrier> stored = {{carriers[0].dtype, drawn->carriers[0]}};
  const auto back = decode(width, stored, drawn->record);
  require(back.ok() && std::ranges::equal(*back, riders));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const Bytes in = std::as_bytes(std::span(data, size)).subspan(4);
  constexpr DType kTypes[] = {DType::kF16, DType::kBF16, DType::kF32, DType::kI8};
  const std::uint64_t width = data[1] % 13;
  const DType dtype = kTypes[data[2] % 4];
  const std::uint64_t row_bytes = width * dtype_info(dtype).bits / 8;
  const std::uint64_t wanted = data[3] % 41 * row_bytes;
  const std::vector<Carrier> carriers = {
      {dtype, in.first(std::min<std::uint64_t>(wanted, in.size()))}};
  const Bytes rest = in.subspan(carriers[0].bytes.size());

  if (data[0] % 2 == 0) {
    const auto once = decode(width, carriers, rest);
    if (once.ok()) {
      const auto again = decode(width, carriers, rest);
      require(again.ok() && *again == *once);
    }
  } else {
    check_encode(width, carriers, rest);
  }
  return 0;
}
