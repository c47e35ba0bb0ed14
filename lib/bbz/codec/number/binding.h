// The split-number codec with kernels that the caller chooses, for tests and benchmarks.
#pragma once

#include "bbz/codec/codec.h"
#include "bbz/codec/number/candidate.h"
#include "bbz/codec/number/kernel.h"
#include "bbz/codec/split/kernel.h"

namespace bbz::codec::number {

// The kernels of both parts of the decoder. Null stands for the fastest one.
struct Kernels {
  const Kernel* loops = nullptr;
  const split::Kernel* symbols = nullptr;  // is not used if it does not take a chunk
};

// Encodes a chunk as a candidate says, with this kernel, or with the fastest one if `kernel` is null.
// Returns false if that takes `limit` bytes or more, after which `payload` is unspecified.
// Preconditions: the chunk is not empty and a multiple of the candidate's elements.
bool encode_with(const split::Kernel* kernel, const Candidate& candidate, Bytes plain,
                 std::size_t limit, std::vector<std::byte>& payload);
// Decodes as decode_split_number() does, with these kernels.
Status decode_with(const Kernels& kernels, Bytes payload, MutableBytes out,
                   Xxh3Follower* hash = nullptr);

}  // namespace bbz::codec::number
