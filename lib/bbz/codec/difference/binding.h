// The difference codec for floats with kernels that the caller chooses, for tests and benchmarks.
#pragma once

#include "bbz/codec/codec.h"
#include "bbz/codec/difference/kernel.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::difference {

// The kernels of both parts of the codec. Null stands for the fastest one.
struct Kernels {
  const Kernel* loops = nullptr;
  const split::Kernel* symbols = nullptr;  // is not used if it does not take a chunk
};

// Encodes as encode_difference() does, in the form for floats. Precondition: the kernels are of
// kernels() and split::kernels().
bool encode_float(const Kernels& kernels, const ChunkShape& shape, Bytes plain, Bytes base,
                  Level level, std::size_t limit, std::vector<std::byte>& payload);
// Decodes a payload of this form as decode_difference() does.
Status decode_float(const Kernels& kernels, const ChunkShape& shape, Bytes payload,
                    MutableBytes out, Xxh3Follower* hash = nullptr);

}  // namespace bbz::codec::difference
