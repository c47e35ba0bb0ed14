// A way to code a chunk, as the benchmark sees it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bbz/format/chunk/chunk.h"

namespace bbz::bench {

struct Chunk {
  codec::ChunkShape shape;
  Bytes plain;
  Bytes base;  // the same place of the base, or empty if there is none
};

// Safe to call from many threads at once.
struct Coder {
  std::string name;
  std::function<bool(const Chunk& chunk)> takes;
  // `payload` is overwritten.
  std::function<void(const Chunk& chunk, std::vector<std::byte>& payload)> encode;
  // Writes all of `out`, the chunk's size. Returns false if it cannot.
  std::function<bool(const Chunk& chunk, Bytes payload, MutableBytes out)> decode;
  // Whether `out` must have the base on entry, and is decoded in place.
  bool in_place = false;
};

// The names of the two that all others are compared with.
inline constexpr const char* kMemcpy = "memcpy";
inline constexpr const char* kPlanes = "planes-huffman";

// Every coder there is in this build and on this machine, memcpy and the planes first.
std::vector<Coder> all_coders();

// The byte planes of floats, the exponents by zstd's Huffman coder alone and the rest as it is: the
// best of what is in use elsewhere.
Coder planes_coder();

// The codecs that need a base, with checksums, and general compressors of the difference.
std::vector<Coder> base_coders();

// Chunks as an archive has them, at the default level: chunk::encode, with both checksums, and
// chunk::decode with this check.
Coder archive_coder(const char* name, chunk::Check check);

}  // namespace bbz::bench
