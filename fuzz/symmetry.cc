// Group payloads, derived tensors, pivots and carried chunks from outside: refused or decoded, never
// more.
#include <cstring>

#include "bbz/symmetry/form.h"
#include "bbz/symmetry/gauge/pivot.h"

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

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// A pivot tensor of a shape, a type, an axis, chunks and a bitmap from the input, which stores the rest
// of it. What it expands to is packed and expanded again.
void pivot(Bytes input) {
  if (input.size() < 6) return;
  const auto number = [&](std::size_t at) { return std::to_integer<std::uint64_t>(input[at]); };
  catalog::Tensor tensor;
  catalog::TensorMeta& meta = tensor.meta;
  meta.form = catalog::Form::kPivot;
  meta.shape = {number(0), number(1)};
  constexpr DType kTypes[] = {DType::kF16, DType::kBF16, DType::kF32, DType::kF64, DType::kU8};
  meta.dtype = kTypes[number(2) % 5];
  meta.element_bits = static_cast<std::uint32_t>(dtype_info(meta.dtype).bits);
  const std::size_t size = meta.element_bits / 8;
  const auto axis = static_cast<unsigned>(number(3) % 3);
  const std::size_t split = std::min<std::size_t>(number(5) % 33, input.size() - 6);
  meta.pivots = std::make_shared<const catalog::Pivots>(axis, input.subspan(6, split));
  const std::uint64_t rank = axis == 0 ? meta.shape[1] : meta.shape[0];
  meta.stored_elements = (meta.shape[axis % 2] - rank) * rank;
  if (!symmetry::check_record(tensor).ok()) return;

  const Bytes given = input.subspan(6 + split);
  std::vector<std::byte> stored(meta.stored_elements * size);
  if (!given.empty())
    std::memcpy(stored.data(), given.data(), std::min(given.size(), stored.size()));
  std::vector<std::byte> dense, slice;
  const std::uint64_t step = number(4) + 1;
  for (std::uint64_t first = 0; first < meta.stored_elements; first += step) {
    catalog::Chunk chunk;
    chunk.first_element = first;
    chunk.element_count = std::min(step, meta.stored_elements - first);
    const std::vector<std::byte> part(
        stored.begin() + static_cast<std::ptrdiff_t>(first * size),
        stored.begin() + static_cast<std::ptrdiff_t>((first + chunk.element_count) * size));
    require(
        symmetry::expand_chunk(meta, chunk, part, slice, [&](std::uint64_t offset, Bytes bytes) {
          require(offset == dense.size());
          dense.insert(dense.end(), bytes.begin(), bytes.end());
          return Status();
        }).ok());
  }
  require(dense.size() == meta.shape[0] * meta.shape[1] * size);
  const auto pack = [&](const catalog::Pivots& pivots) {
    return gauge::pack_pivot(dense, meta.dtype, meta.shape[0], meta.shape[1], pivots);
  };
  require(pack(*meta.pivots) == stored);
  // There are pivots, though others may come first.
  const auto found = gauge::find_pivots(dense, meta.dtype, meta.shape[0], meta.shape[1], axis);
  require(found && found->count() == rank && pack(*found).size() == stored.size());
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
  pivot(input);
  carried(input);
  (void)symmetry::decode_bits_back_group(input);
  return 0;
}
