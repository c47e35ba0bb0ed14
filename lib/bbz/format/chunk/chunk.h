// Chunks: a range of a tensor's elements, through a codec and under checksums, in both directions.
#pragma once

#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::chunk {

// How many elements the chunks of a tensor hold so that a chunk decodes to about `target_bytes`:
// whole rows where a row is not longer than that, whole bytes always, at least 1.
std::uint64_t choose_chunk_elements(unsigned element_bits, const Shape& shape,
                                    std::uint64_t target_bytes);

// What the codec is told of a chunk of `count` elements from `first_element` on. The elements of a
// tensor that stores fewer than it has lie in no rows, and count as one.
codec::ChunkShape codec_shape(const catalog::TensorMeta& tensor, std::uint64_t first_element,
                              std::uint64_t count);

// The meta of chunk `number`, coded by `codec`. `plain` as in encode().
void describe(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
              std::uint16_t codec, DigestKind digest, std::vector<std::byte>& meta);

// Encodes chunk `number` of a tensor with the codec that makes it smallest, into the record's meta
// and payload (both overwritten). `plain` holds exactly the chunk's elements. With
// DigestKind::kSha256 the meta has the SHA-256 of them as well.
void encode(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
            const codec::EncodeOptions& options, DigestKind digest, std::vector<std::byte>& meta,
            std::vector<std::byte>& payload);

// Decodes a payload into `out` (exactly chunk.decoded_bytes) and checks the decoded checksum, and
// digest where there is one. That proves what is delivered, whatever the payload was; so the
// payload's checksum is computed only where one of these steps fails, to tell which is at fault.
// Errors: kChecksum, kMalformed, kUnsupported; the tensor, the chunk and its offset are named.
Status decode(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
              MutableBytes out);

// The same, and the payload's checksum is always checked: for who is to find all damage, such as
// that to bits of a payload which mean nothing. Errors: the same ones where decode() has any.
Status verify(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
              MutableBytes out);

// Only the payload's checksum.
Status check_payload(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload);

}  // namespace bbz::chunk
