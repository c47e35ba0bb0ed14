// The split-float codec with a kernel named by the caller, for tests and benchmarks.
#pragma once

#include "bbz/codec/codec.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::split {

// As encode_split_float and decode_split_float, with the fastest kernel where `kernel` is nullptr,
// and with the portable one where `kernel` does not take the chunk. Precondition: the kernel is one
// of kernels().
bool encode_with(const Kernel* kernel, const ChunkShape& shape, Bytes plain, Level level,
                 std::size_t limit, std::vector<std::byte>& payload);
Status decode_with(const Kernel* kernel, const ChunkShape& shape, Bytes payload, MutableBytes out,
                   Xxh3Follower* hash = nullptr);

}  // namespace bbz::codec::split
