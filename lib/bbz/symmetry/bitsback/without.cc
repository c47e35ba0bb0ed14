// Replaces the sources of this room in a build without BBZ_BITS_BACK.
#include "bbz/base/format.h"
#include "bbz/symmetry/bitsback/bitsback.h"

namespace bbz::bitsback {
namespace {

Error left_out() {
  return make_error(Code::kUnsupported,
                    "bits-back is not possible, because this bbz was built without BBZ_BITS_BACK");
}

}  // namespace

Status check_built() {
  return left_out();
}

std::uint64_t capacity_bytes(const Plan&) {
  return 0;
}

double expected_net_bits(const Plan&) {
  return 0;
}

Result<Plan> plan_junction(std::uint64_t, std::span<const Carrier>) {
  return left_out();
}

Result<Drawn> encode(const Plan&, std::span<const Carrier>, Bytes) {
  return left_out();
}

Result<std::vector<std::byte>> decode(std::uint64_t, std::span<const Carrier>, Bytes) {
  return left_out();
}

}  // namespace bbz::bitsback
