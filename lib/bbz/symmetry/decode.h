// Decodes a chunk's payload to bytes of its tensor, whatever the codec and the tensor's form. Every
// reader calls these functions: a new codec or form is a row in the table of codec.cc or form.cc.
#pragma once

#include "bbz/io/source.h"
#include "bbz/symmetry/group_state.h"

namespace bbz::symmetry {

// Returns whether a part of the chunk's payload is in the group that the tensor refers to: form
// rider, codec carried.
bool needs_group(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

// Returns the range of the tensor's bytes that a chunk stands for. The ranges of all chunks cover
// the tensor without hole or overlap, in the order of the chunks. Precondition: check_form()
// succeeds.
io::ByteRange chunk_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

// A group that has been filled, and the catalog with its tensors. Neither is owned.
struct GroupAccess {
  GroupState* state = nullptr;
  const catalog::Catalog* catalog = nullptr;
};

// Decodes a payload into `out`, of chunk.decoded_bytes bytes: the elements that the chunk stores.
// `group` is the group that the tensor refers to, and may be empty unless needs_group(). Of a chunk
// with codec carried, the payload is always checked, if its check is known; a caller that does not
// know it must have checked the payload. Thread-safe.
// `before` says what `out` holds, as for chunk::decode().
// Errors: those of chunk::decode() and of GroupState::decode_carried(); kChecksum.
Status decode_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
                    const GroupAccess& group, chunk::Check check, MutableBytes out,
                    chunk::Before before = chunk::Before::kNothing);

// Calls `take` for the bytes of chunk_range(), which follow from the chunk's decoded elements.
// Gives all of them at once, or slice after slice in the buffer `slice` if the tensor is expanded.
// Errors: those of `take`. Precondition: check_form() succeeds.
Status place_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes decoded,
                   std::vector<std::byte>& slice, const TakePart& take);

}  // namespace bbz::symmetry
