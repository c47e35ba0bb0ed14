// The difference of chunks whose elements are not coded as floats: the differences of their bytes
// or integers, in one zstd frame. format-spec/codecs.md, "Difference", has the wire format.
#pragma once

#include "bbz/codec/codec.h"

namespace bbz::codec::difference {

inline constexpr std::uint8_t kGeneralForm = 2;

// How an element follows from that of the base.
enum class Operation : std::uint8_t {
  kXor = 0,
  kAdd = 1,  // modulo 2 to the power of its bits
};

// Encodes as encode_difference() does, in this form.
bool encode_general(const ChunkShape& shape, Bytes plain, Bytes base, Level level,
                    std::size_t limit, std::vector<std::byte>& payload);
// Decodes a payload of this form, as decode_difference() does.
Status decode_general(Bytes payload, MutableBytes out);

}  // namespace bbz::codec::difference
