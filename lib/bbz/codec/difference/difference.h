// The codecs that need a base: unchanged and difference. The contracts of the decoders are those of
// struct Codec in codec.h, and format-spec/codecs.md has the wire formats.
#pragma once

#include "bbz/codec/codec.h"

namespace bbz::codec {

// Encodes the difference of `plain` from `base` in fewer than `limit` bytes, or returns false and
// leaves `payload` unspecified. Preconditions: as for encode_on_base().
bool encode_difference(const ChunkShape& shape, Bytes plain, Bytes base, Level level,
                       std::size_t limit, std::vector<std::byte>& payload);
// Decodes into `out`, which holds the bytes of the base on entry. The next one does too.
Status decode_difference(const ChunkShape& shape, Bytes payload, MutableBytes out,
                         Xxh3Follower* hash);
Status decode_unchanged(const ChunkShape& shape, Bytes payload, MutableBytes out,
                        Xxh3Follower* hash);

}  // namespace bbz::codec
