// The codecs for all dtypes: raw, constant and zstd. The contracts of these functions are those of
// struct Codec in codec.h, and format-spec/codecs.md has the wire formats.
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
// Encodes as encode_zstd() does, with a search that is a hundred times as long as the usual one.
bool encode_zstd_thoroughly(Bytes plain, std::size_t limit, std::vector<std::byte>& payload);
Status decode_zstd(const ChunkShape& shape, Bytes payload, MutableBytes out, Xxh3Follower* hash);

}  // namespace bbz::codec
