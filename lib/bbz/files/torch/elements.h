// Reads the elements of a tensor in row-major order, whatever its strides.
#pragma once

#include <memory>

#include "bbz/files/torch/state_dict.h"

namespace bbz::torch {

// Returns whether the elements are consecutive in row-major order. Strides of axes of extent 1 do
// not count; a tensor without elements is contiguous.
bool is_contiguous(const Tensor& tensor);

// Returns the size of the packed elements in bytes. Errors: kMalformed on overflow of 64 bits.
Result<std::uint64_t> byte_size(const Tensor& tensor);

// Returns a seekable source of the elements in row-major order, packed: byte_size() bytes. It reads
// `file`, from which the state dict was read and which must outlive it, on demand, with a cache of
// at most 64 MiB if the tensor is not contiguous. Thread-safe if `file` is.
//
// Precondition: `tensor` belongs to `state`. Errors: kMalformed on overflow of 64 bits. Reading
// returns the errors of `file`, and kTruncated if the file has become shorter.
Result<std::unique_ptr<io::Source>> element_source(io::Source& file, const StateDict& state,
                                                   const Tensor& tensor);

}  // namespace bbz::torch
