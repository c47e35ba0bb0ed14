// Coders of a chunk on a base.
#include <zstd.h>

#include <cstring>
#include <memory>

#include "bbz/base/hash.h"
#include "bbz/codec/difference/binding.h"
#include "coder.h"

namespace bbz::bench {
namespace {

bool has_base(const Chunk& chunk) {
  return !chunk.base.empty();
}

bool has_float_base(const Chunk& chunk) {
  return has_base(chunk) && codec::difference::is_difference_dtype(chunk.shape.dtype);
}

// The hashes of the chunk and of the payload before them, as chunk::encode makes them.
using Sums = std::array<std::uint64_t, 2>;

void put_sums(const Chunk& chunk, std::vector<std::byte>& payload) {
  const Sums sums = {xxh3_64(chunk.plain), xxh3_64(payload)};
  const Bytes bytes = std::as_bytes(std::span(sums));
  payload.insert(payload.end(), bytes.begin(), bytes.end());
}

std::uint64_t take_sums(Bytes& payload) {
  Sums sums;
  std::memcpy(&sums, payload.last(sizeof sums).data(), sizeof sums);
  payload = payload.first(payload.size() - sizeof sums);
  return sums[0];
}

// The smallest codec, as an archive on a base has it.
Coder on_base_coder() {
  return {"bbz-on-base-checksums", has_base,
          [](const Chunk& chunk, std::vector<std::byte>& payload) {
            const codec::CodecId id =
                codec::encode_on_base(chunk.shape, chunk.plain, chunk.base, {}, payload);
            payload.push_back(static_cast<std::byte>(id));
            put_sums(chunk, payload);
          },
          [](const Chunk& chunk, Bytes payload, MutableBytes out) {
            const std::uint64_t sum = take_sums(payload);
            const auto id = static_cast<codec::CodecId>(payload.back());
            Xxh3Follower hash(out);
            payload = payload.first(payload.size() - 1);
            return codec::decode(id, chunk.shape, payload, out, &hash).ok() && hash.finish() == sum;
          },
          true};
}

// A kernel of the difference codec with the entropy coder of a kernel of split-float.
Coder difference_coder(const codec::difference::Kernels& kernels) {
  return {
      "difference-" + std::string(kernels.symbols->name) + "-checksums", has_float_base,
      [=](const Chunk& chunk, std::vector<std::byte>& payload) {
        codec::difference::encode_float(kernels, chunk.shape, chunk.plain, chunk.base,
                                        codec::Level::kDefault, 4 * chunk.plain.size() + 4096,
                                        payload);
        put_sums(chunk, payload);
      },
      [=](const Chunk& chunk, Bytes payload, MutableBytes out) {
        const std::uint64_t sum = take_sums(payload);
        Xxh3Follower hash(out);
        return codec::difference::decode_float(kernels, chunk.shape, payload, out, &hash).ok() &&
               hash.finish() == sum;
      },
      true};
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// XOR with the base, and zstd -3: of the bytes as they are, or of their planes.
Coder xor_coder(bool planes) {
  const auto place = [planes](const Chunk& chunk, std::size_t i) {
    const auto size = static_cast<std::size_t>(dtype_info(chunk.shape.dtype).bits / 8);
    return planes && size > 1 ? i % size * (chunk.plain.size() / size) + i / size : i;
  };
  return {planes ? "xor-planes-zstd-3" : "xor-zstd-3", has_base,
          [=](const Chunk& chunk, std::vector<std::byte>& payload) {
            thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
            thread_local std::vector<std::byte> bytes;
            bytes.resize(chunk.plain.size());
            for (std::size_t i = 0; i < bytes.size(); ++i) {
              bytes[place(chunk, i)] = chunk.plain[i] ^ chunk.base[i];
            }
            payload.resize(ZSTD_compressBound(bytes.size()));
            payload.resize(ZSTD_compressCCtx(context.get(), payload.data(), payload.size(),
                                             bytes.data(), bytes.size(), 3));
          },
          [=](const Chunk& chunk, Bytes payload, MutableBytes out) {
            thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
            thread_local std::vector<std::byte> bytes;
            bytes.resize(out.size());
            const std::size_t size = ZSTD_decompressDCtx(context.get(), bytes.data(), bytes.size(),
                                                         payload.data(), payload.size());
            if (size != out.size()) return false;
            for (std::size_t i = 0; i < size; ++i) out[i] ^= bytes[place(chunk, i)];
            return true;
          },
          true};
}

}  // namespace

std::vector<Coder> base_coders() {
  std::vector<Coder> coders = {on_base_coder()};
  for (const codec::split::Kernel* symbols : codec::split::kernels()) {
    const codec::difference::Kernel* loops = &codec::difference::kPortableKernel;
    for (const codec::difference::Kernel* kernel : codec::difference::kernels()) {
      if (kernel->name == symbols->name) loops = kernel;
    }
    coders.push_back(difference_coder({loops, symbols}));
  }
  coders.push_back(xor_coder(false));
  coders.push_back(xor_coder(true));
  return coders;
}

}  // namespace bbz::bench
