// The split-float codec with a kernel that the caller chooses, for tests and benchmarks.
#pragma once

#include "bbz/codec/codec.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// Encodes as encode_split_float() does, with this kernel, or with the fastest one if `kernel` is
// null. Uses the portable kernel if `kernel` does not take the chunk. Precondition: the kernel is
// one of kernels().
bool encode_with(const Kernel* kernel, const ChunkShape& shape, Bytes plain, Level level,
                 std::size_t limit, std::vector<std::byte>& payload);
// Decodes as decode_split_float() does, and chooses the kernel as encode_with() does.
Status decode_with(const Kernel* kernel, const ChunkShape& shape, Bytes payload, MutableBytes out,
                   Xxh3Follower* hash = nullptr);

}  // namespace bbz::codec::split
