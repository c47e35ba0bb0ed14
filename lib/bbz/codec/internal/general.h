// The codecs that fit every dtype: raw, constant and zstd. See codec.h for their contract and
// format-spec/codecs.md for their wire formats.
#pragma once

#include "bbz/codec/codec.h"

namespace bbz::codec {

bool encode_raw(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                std::vector<std::byte>& payload);
Status decode_raw(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower* hash);

bool encode_constant(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                     std::vector<std::byte>& payload);
Status decode_constant(const ChunkShape& shape, Bytes payload, MutableBytes out,
                       Xxh3Follower* hash);

bool encode_zstd(const ChunkShape& shape, Bytes plain, Level level, std::size_t limit,
                 std::vector<std::byte>& payload);
Status decode_zstd(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower* hash);

}  // namespace bbz::codec
