#include "coder.h"

#include <zstd.h>

#include <array>
#include <cstring>
#include <memory>

#include "bbz/base/hash.h"
#include "bbz/codec/split/binding.h"
#ifdef BBZ_HAVE_LZ4
#include <lz4.h>
#endif
#ifdef BBZ_HAVE_BLOSC
#include <blosc.h>
#endif

namespace bbz::bench {
namespace {

using codec::CodecId;
using codec::Level;

bool takes_all(const Chunk&) {
  return true;
}

bool is_float(const Chunk& chunk) {
  return dtype_info(chunk.shape.dtype).layout.exponent_bits != 0;
}

Coder memcpy_coder() {
  return {kMemcpy, takes_all,
          [](const Chunk& chunk, std::vector<std::byte>& payload) {
            payload.resize(chunk.plain.size());
            std::memcpy(payload.data(), chunk.plain.data(), chunk.plain.size());
          },
          [](const Chunk&, Bytes payload, MutableBytes out) {
            std::memcpy(out.data(), payload.data(), out.size());
            return true;
          }};
}

// The codec that codec::encode chooses, without checksums. Its number is not in the payload, so it
// is added.
Coder codec_coder(const char* name, Level level) {
  return {name, takes_all,
          [=](const Chunk& chunk, std::vector<std::byte>& payload) {
            const CodecId id = codec::encode(chunk.shape, chunk.plain, {level}, payload);
            payload.push_back(static_cast<std::byte>(id));
          },
          [](const Chunk& chunk, Bytes payload, MutableBytes out) {
            const auto id = static_cast<CodecId>(payload.back());
            return codec::decode(id, chunk.shape, payload.first(payload.size() - 1), out).ok();
          }};
}

// A kernel of the split-float codec, alone or with the checksums of chunk::encode and
// chunk::decode.
Coder kernel_coder(const codec::split::Kernel* kernel, bool checksums) {
  using Sums = std::array<std::uint64_t, 2>;  // of the chunk and of the payload before them
  return {"split-" + std::string(kernel->name) + (checksums ? "-checksums" : ""), is_float,
          [=](const Chunk& chunk, std::vector<std::byte>& payload) {
            codec::split::encode_with(kernel, chunk.shape, chunk.plain, Level::kDefault,
                                      2 * chunk.plain.size() + 1024, payload);
            if (!checksums) return;
            const Sums sums = {xxh3_64(chunk.plain), xxh3_64(payload)};
            const Bytes bytes = std::as_bytes(std::span(sums));
            payload.insert(payload.end(), bytes.begin(), bytes.end());
          },
          [=](const Chunk& chunk, Bytes payload, MutableBytes out) {
            if (!checksums)
              return codec::split::decode_with(kernel, chunk.shape, payload, out).ok();
            Sums sums;
            std::memcpy(&sums, payload.last(sizeof sums).data(), sizeof sums);
            payload = payload.first(payload.size() - sizeof sums);
            Xxh3Follower hash(out);
            return codec::split::decode_with(kernel, chunk.shape, payload, out, &hash).ok() &&
                   hash.finish() == sums[0];
          }};
}

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Coder zstd_coder(int level) {
  return {"zstd-" + std::to_string(level), takes_all,
          [=](const Chunk& chunk, std::vector<std::byte>& payload) {
            thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
            payload.resize(ZSTD_compressBound(chunk.plain.size()));
            payload.resize(ZSTD_compressCCtx(context.get(), payload.data(), payload.size(),
                                             chunk.plain.data(), chunk.plain.size(), level));
          },
          [](const Chunk&, Bytes payload, MutableBytes out) {
            thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
            return ZSTD_decompressDCtx(context.get(), out.data(), out.size(), payload.data(),
                                       payload.size()) == out.size();
          }};
}

#ifdef BBZ_HAVE_LZ4
Coder lz4_coder() {
  return {"lz4", takes_all,
          [](const Chunk& chunk, std::vector<std::byte>& payload) {
            const int size = static_cast<int>(chunk.plain.size());
            payload.resize(static_cast<std::size_t>(LZ4_compressBound(size)));
            payload.resize(static_cast<std::size_t>(LZ4_compress_default(
                reinterpret_cast<const char*>(chunk.plain.data()),
                reinterpret_cast<char*>(payload.data()), size, static_cast<int>(payload.size()))));
          },
          [](const Chunk&, Bytes payload, MutableBytes out) {
            return LZ4_decompress_safe(
                       reinterpret_cast<const char*>(payload.data()),
                       reinterpret_cast<char*>(out.data()), static_cast<int>(payload.size()),
                       static_cast<int>(out.size())) == static_cast<int>(out.size());
          }};
}
#endif

#ifdef BBZ_HAVE_BLOSC
Coder blosc_coder() {
  return {"blosc-shuffle-zstd-1", takes_all,
          [](const Chunk& chunk, std::vector<std::byte>& payload) {
            const auto element = static_cast<std::size_t>(dtype_info(chunk.shape.dtype).bits / 8);
            payload.resize(chunk.plain.size() + BLOSC_MAX_OVERHEAD);
            payload.resize(static_cast<std::size_t>(blosc_compress_ctx(
                1, BLOSC_SHUFFLE, element, chunk.plain.size(), chunk.plain.data(), payload.data(),
                payload.size(), "zstd", 0, 1)));
          },
          [](const Chunk&, Bytes payload, MutableBytes out) {
            return blosc_decompress_ctx(payload.data(), out.data(), out.size(), 1) ==
                   static_cast<int>(out.size());
          }};
}
#endif

}  // namespace

std::vector<Coder> all_coders() {
  std::vector<Coder> coders = {memcpy_coder(),
                               planes_coder(),
                               codec_coder("bbz-fast", Level::kFast),
                               codec_coder("bbz", Level::kDefault),
                               codec_coder("bbz-small", Level::kSmall),
                               archive_coder("bbz-checksums", chunk::Check::kDecoded),
                               archive_coder("bbz-verify", chunk::Check::kPayload)};
  for (const codec::split::Kernel* kernel : codec::split::kernels()) {
    coders.push_back(kernel_coder(kernel, false));
    coders.push_back(kernel_coder(kernel, true));
  }
  for (Coder& coder : base_coders()) coders.push_back(std::move(coder));
  coders.push_back(zstd_coder(1));
  coders.push_back(zstd_coder(3));
#ifdef BBZ_HAVE_LZ4
  coders.push_back(lz4_coder());
#endif
#ifdef BBZ_HAVE_BLOSC
  coders.push_back(blosc_coder());
#endif
  return coders;
}

}  // namespace bbz::bench
