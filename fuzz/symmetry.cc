// Group payloads, derived tensors and carried chunks from outside: refused or decoded, never more.
#include "bbz/symmetry/form.h"

namespace {

using namespace bbz;

// A polar group whose payload and operand share the input, split where its first byte says.
void polar(Bytes input) {
  if (input.size() < 4) return;
  catalog::TensorMeta tensor;
  tensor.shape = {1 + std::to_integer<std::uint64_t>(input[0]) % 24,
                  1 + std::to_integer<std::uint64_t>(input[1]) % 32};
  constexpr DType kTypes[] = {DType::kF16, DType::kBF16, DType::kF32, DType::kU8};
  tensor.dtype = kTypes[std::to_integer<std::size_t>(input[2]) % 4];
  tensor.element_bits = static_cast<std::uint8_t>(dtype_info(tensor.dtype).bits);
  const std::size_t split =
      std::min<std::size_t>(std::to_integer<std::size_t>(input[3]), input.size() - 4);
  const Bytes payload = input.subspan(4, split);
  const auto kind = split % 2 == 0 ? DigestKind::kXxh3_128 : DigestKind::kSha256;
  const auto group = symmetry::decode_polar_group(payload, kind);
  if (!group.ok()) return;
  std::vector<std::byte> dense(tensor.shape[0] * tensor.shape[1] * tensor.element_bits / 8);
  (void)symmetry::derive_polar(tensor, *group, input.subspan(4 + split), dense);
}

void carried(Bytes input) {
  catalog::TensorMeta tensor;
  catalog::Chunk chunk;
  chunk.decoded_bytes = 64;
  const std::vector<std::byte> riders(100);
  const auto joined = symmetry::join_carried(tensor, chunk, input, riders);
  if (joined.ok() && joined->payload.size() > chunk.decoded_bytes) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input = std::as_bytes(std::span(data, size));
  polar(input);
  carried(input);
  (void)symmetry::decode_bits_back_group(input);
  return 0;
}
