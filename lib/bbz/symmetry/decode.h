// Turns a chunk's payload into bytes of its tensor, whatever the chunk's codec and the tensor's form.
// Every reader goes through these functions: a new form is one more case here.
#pragma once

#include "bbz/io/source.h"
#include "bbz/symmetry/group_state.h"

namespace bbz::symmetry {

// Returns whether the payload is a part only, and the rest comes from the group that the tensor
// refers to: form rider, codec carried.
bool needs_group(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

// Returns the bytes of the tensor that a chunk accounts for; the ranges of all chunks tile the
// tensor. Precondition: check_form() holds.
io::ByteRange chunk_range(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

enum class Check {
  kDecoded,  // what is decoded; the payload's checksum only to tell what is at fault
  kPayload,  // the payload's checksum as well, which finds damage to bits without meaning
};

// A group that is filled, and a catalog that has its tensors.
struct GroupAccess {
  GroupState* state = nullptr;
  const catalog::Catalog* catalog = nullptr;
};

// Decodes a payload into `out`, which has chunk.decoded_bytes: the elements that the chunk stores.
// `group` is the one that the tensor refers to; it may be empty unless needs_group(). May be called
// from many threads at once.
// Errors: those of chunk::decode() and of GroupState::decode_carried().
Status decode_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
                    const GroupAccess& group, Check check, MutableBytes out);

// Calls `take` for the bytes of chunk_range(), which follow from the chunk's decoded elements:
// for all of them, or for slices that are made in `slice` if the form stores fewer elements than it
// has. `offset` is that in the tensor. Errors: those of `take`. Precondition: check_form() holds.
Status place_chunk(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes decoded,
                   std::vector<std::byte>& slice, const TakePart& take);

}  // namespace bbz::symmetry
