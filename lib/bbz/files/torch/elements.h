// The elements of a tensor in row-major order, whatever its strides.
#pragma once

#include <memory>

#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

// Whether the elements lie one after the other in row-major order. Strides of axes with one index
// do not count; a tensor without elements is contiguous.
bool is_contiguous(const Tensor& tensor);

// The bytes of the elements, packed. Errors: kMalformed on overflow of 64 bits.
Result<std::uint64_t> byte_size(const Tensor& tensor);

// A source of the elements in row-major order, packed: byte_size() bytes. It can seek, and reads
// `file` as it is read itself, with a cache of at most 64 MiB for tensors that are not contiguous.
// `file`, which the state dict was read from, must outlive it.
//
// Precondition: `tensor` is of `state`. Errors: kMalformed on overflow of 64 bits; reading gives
// those of `file`, and kTruncated where it has become shorter.
Result<std::unique_ptr<io::Source>> element_source(io::Source& file, const StateDict& state,
                                                   const Tensor& tensor);

}  // namespace bbz::torch
