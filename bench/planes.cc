#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_c_literalCompressionMode
#include <zstd.h>

#include <bit>
#include <cstring>
#include <memory>

#include "coder.h"

namespace bbz::bench {
namespace {

// An element rotated left by one is its exponent above a rest of whole bytes and 0-7 packed bits.
struct Split {
  int exponent_bits;
  int rest_bytes;
  int packed_bits;
};

Split split_of(DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  const int rest = info.layout.mantissa_bits + 1;
  return {info.layout.exponent_bits, rest / 8, rest % 8};
}

struct Parts {
  std::uint8_t* exponents;
  std::uint8_t* bytes;
  std::uint8_t* packed;
};

// Whole bytes of a rest; one by one if that is all, which compilers vectorise.
template <class T, int kBytes>
T load_rest(const std::uint8_t* __restrict bytes, std::size_t i) {
  if constexpr (kBytes == 1) return bytes[i];
  T value = 0;
  if constexpr (kBytes == 3) {
    std::memcpy(&value, bytes + i * kBytes, 4);  // what follows is there, and is cut off
    value &= 0xFFFFFF;
  } else if constexpr (kBytes > 1) {
    std::memcpy(&value, bytes + i * kBytes, kBytes);
  }
  return value;
}

template <class T, int kBytes>
void store_rest(std::uint8_t* __restrict bytes, std::size_t i, T value) {
  if constexpr (kBytes == 1) {
    bytes[i] = static_cast<std::uint8_t>(value);
  } else if constexpr (kBytes > 1) {
    std::memcpy(bytes + i * kBytes, &value, kBytes);
  }
}

template <class T, int kPacked, int kBytes>
void split(const std::byte* __restrict in, std::size_t n, const Parts& parts) {
  std::uint8_t* __restrict exponents = parts.exponents;
  std::uint8_t* __restrict bytes = parts.bytes;
  T value;
  for (std::size_t i = 0; i < n; ++i) {
    std::memcpy(&value, in + i * sizeof(T), sizeof(T));
    value = std::rotl(value, 1);
    exponents[i] = static_cast<std::uint8_t>(value >> (8 * kBytes + kPacked));
    store_rest<T, kBytes>(bytes, i, value);
  }
  if (kPacked == 0) return;
  for (std::size_t i = 0; i < n; i += 8) {
    std::uint64_t bits = 0;
    for (std::size_t j = 0; j < 8 && i + j < n; ++j) {
      std::memcpy(&value, in + (i + j) * sizeof(T), sizeof(T));
      value = static_cast<T>(std::rotl(value, 1) >> (8 * kBytes));
      bits |= static_cast<std::uint64_t>(value & ((1u << kPacked) - 1)) << (kPacked * j);
    }
    std::memcpy(parts.packed + i / 8 * kPacked, &bits, 8);
  }
}

// Nothing but whole bytes: a loop that compilers vectorise, given parameters that do not overlap.
template <class T, int kBytes>
void merge_whole(const std::uint8_t* __restrict exponents, const std::uint8_t* __restrict bytes,
                 std::size_t n, std::byte* __restrict out) {
  for (std::size_t i = 0; i < n; ++i) {
    T value = load_rest<T, kBytes>(bytes, i);
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(exponents[i]) << (8 * kBytes)));
    value = static_cast<T>(value >> 1 | value << (8 * sizeof(T) - 1));
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

template <class T, int kPacked, int kBytes>
void merge(const Parts& parts, std::size_t n, std::byte* out) {
  const auto one = [&](std::size_t i, std::uint64_t packed) {
    T value = 0;
    if (kBytes != 0) std::memcpy(&value, parts.bytes + i * kBytes, kBytes);
    value = static_cast<T>(
        value | static_cast<T>(static_cast<T>(parts.exponents[i]) << (8 * kBytes + kPacked)));
    value = static_cast<T>(value | static_cast<T>(static_cast<T>(packed) << (8 * kBytes)));
    value = std::rotr(value, 1);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  };
  if constexpr (kPacked == 0) {
    merge_whole<T, kBytes>(parts.exponents, parts.bytes, n, out);
    return;
  }
  for (std::size_t i = 0; i < n; i += 8) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, parts.packed + i / 8 * kPacked, 8);
    for (std::size_t j = 0; j < 8 && i + j < n; ++j) {
      one(i + j, bits >> (kPacked * j) & ((1u << kPacked) - 1));
    }
  }
}

// Calls f with the splitting and the merging loop of a dtype.
template <class F>
void with_loops(DType dtype, F f) {
  switch (dtype) {
    case DType::kBF16:
      return f(split<std::uint16_t, 0, 1>, merge<std::uint16_t, 0, 1>);
    case DType::kF16:
      return f(split<std::uint16_t, 3, 1>, merge<std::uint16_t, 3, 1>);
    case DType::kF32:
      return f(split<std::uint32_t, 0, 3>, merge<std::uint32_t, 0, 3>);
    case DType::kF64:
      return f(split<std::uint64_t, 5, 6>, merge<std::uint64_t, 5, 6>);
    case DType::kF8E4M3:
      return f(split<std::uint8_t, 4, 0>, merge<std::uint8_t, 4, 0>);
    default:
      return f(split<std::uint8_t, 3, 0>, merge<std::uint8_t, 3, 0>);
  }
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// zstd that finds no matches and codes all as literals, by Huffman.
ZSTD_CCtx* huffman_context() {
  thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context;
  if (context == nullptr) {
    context.reset(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_strategy, ZSTD_fast);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_targetLength, 1 << 17);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_minMatch, 7);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_hashLog, 6);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 17);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_literalCompressionMode, ZSTD_ps_enable);
  }
  return context.get();
}

constexpr std::size_t kSlack = 64;

struct Sizes {
  std::size_t n;
  std::size_t bytes;
  std::size_t packed;
};

Sizes sizes_of(const Chunk& chunk) {
  const Split s = split_of(chunk.shape.dtype);
  const std::size_t n = chunk.shape.elements;
  return {n, n * static_cast<std::size_t>(s.rest_bytes),
          (n + 7) / 8 * static_cast<std::size_t>(s.packed_bits)};
}

void encode(const Chunk& chunk, std::vector<std::byte>& payload) {
  thread_local std::vector<std::uint8_t> exponents;
  const Sizes size = sizes_of(chunk);
  exponents.resize(size.n);
  payload.resize(size.bytes + size.packed + kSlack + ZSTD_compressBound(size.n));
  auto* p = reinterpret_cast<std::uint8_t*>(payload.data());
  with_loops(chunk.shape.dtype, [&](auto split_loop, auto) {
    split_loop(chunk.plain.data(), size.n, {exponents.data(), p, p + size.bytes});
  });
  std::byte* coded = payload.data() + size.bytes + size.packed;
  const std::size_t left = payload.size() - size.bytes - size.packed;
  const std::size_t coded_size =
      ZSTD_compress2(huffman_context(), coded, left, exponents.data(), size.n);
  payload.resize(size.bytes + size.packed + coded_size);
}

bool decode(const Chunk& chunk, Bytes payload, MutableBytes out) {
  thread_local std::vector<std::uint8_t> exponents;
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  const Sizes size = sizes_of(chunk);
  exponents.resize(size.n);
  const Bytes coded = payload.subspan(size.bytes + size.packed);
  if (ZSTD_decompressDCtx(context.get(), exponents.data(), size.n, coded.data(), coded.size()) !=
      size.n) {
    return false;
  }
  auto* p = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(payload.data()));
  with_loops(chunk.shape.dtype, [&](auto, auto merge_loop) {
    merge_loop({exponents.data(), p, p + size.bytes}, size.n, out.data());
  });
  return true;
}

}  // namespace

Coder planes_coder() {
  return {kPlanes,
          [](const Chunk& chunk) {
            const auto& layout = dtype_info(chunk.shape.dtype).layout;
            return layout.exponent_bits != 0 && layout.exponent_bits <= 8;
          },
          encode, decode};
}

}  // namespace bbz::bench
