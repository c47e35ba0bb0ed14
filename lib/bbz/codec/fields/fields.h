// The fields codec, for blocks whose parts are numbers of different kinds. The contracts of these
// functions are those of struct Codec in codec.h, and format-spec/codecs.md has the wire format.
#pragma once

#include "bbz/codec/codec.h"

namespace bbz::codec {

bool suits_fields(const ChunkShape& shape, Bytes plain);
bool encode_fields(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                   std::vector<std::byte>& payload);
Status decode_fields(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower* hash);

}  // namespace bbz::codec
