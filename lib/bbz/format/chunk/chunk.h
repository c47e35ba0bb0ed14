// Chunks: encodes and decodes ranges of a tensor's elements, with checksums.
#pragma once

#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::chunk {

// Returns the number of elements for each chunk of a tensor, at least 1, so that a chunk decodes to
// at most about `target_bytes`. A chunk has whole bytes. If rows that fill whole bytes fit the
// target, it has whole rows too.
// Precondition: `element_bits` > 0.
std::uint64_t choose_chunk_elements(unsigned element_bits, const Shape& shape,
                                    std::uint64_t target_bytes);

// Returns the codec's description of the chunk of `count` elements from `first_element` on. If the
// tensor stores fewer elements than its shape has, its stored elements count as a single row.
// Precondition: the tensor stores at least one element.
codec::ChunkShape codec_shape(const catalog::TensorMeta& tensor, std::uint64_t first_element,
                              std::uint64_t count);

// Writes the meta of chunk `number` (overwritten), which has `elements` elements, coded by `codec`.
// `plain` is their bytes, whose checksum the meta has and, with DigestKind::kSha256, whose SHA-256.
// The length of the meta does not depend on `plain`.
void describe(const catalog::TensorMeta& tensor, std::uint32_t number, std::uint64_t elements,
              Bytes plain, std::uint16_t codec, DigestKind digest, std::vector<std::byte>& meta);

// Encodes chunk `number` of a tensor into the meta and the payload of its record (both
// overwritten), with the codec that codec::encode() chooses. `plain` holds exactly the chunk's
// elements. With DigestKind::kSha256 the meta has the SHA-256 of `plain` as well.
void encode(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
            const codec::EncodeOptions& options, DigestKind digest, std::vector<std::byte>& meta,
            std::vector<std::byte>& payload);

// The checks that decoding a chunk makes.
enum class Check {
  // The decoded checksum and, if there is one, the decoded digest. These prove that the bytes are
  // right, whatever the payload was. The payload's checksum is computed only if a step fails, to
  // tell which part is at fault.
  kDecoded,
  // The payload's checksum as well, for callers that must find all damage, including damage to
  // unused bits of a payload.
  kPayload,
};

// Decodes a payload into `out`, of exactly chunk.decoded_bytes bytes, and checks it.
// Errors, naming tensor, chunk and offset: kChecksum, kMalformed, kUnsupported. On an error the
// contents of `out` are unspecified.
Status decode(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
              MutableBytes out, Check check = Check::kDecoded);

// Checks the payload's checksum only. Errors: kChecksum, naming tensor, chunk and offset.
Status check_payload(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload);

}  // namespace bbz::chunk
