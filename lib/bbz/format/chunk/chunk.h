// Chunks: encodes and decodes ranges of a tensor's elements, with checksums.
#pragma once

#include <vector>

#include "bbz/codec/codec.h"
#include "bbz/format/catalog/catalog.h"

namespace bbz::chunk {

// Returns an error with the place of a chunk.
Error placed(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Error error);

// Returns the number of elements for each chunk of a tensor, at least 1, so that a chunk decodes to
// at most about `target_bytes`. A chunk has whole bytes. If rows that fill whole bytes fit the
// target, it has whole rows too.
// Precondition: `element_bits` > 0.
std::uint64_t choose_chunk_elements(unsigned element_bits, const Shape& shape,
                                    std::uint64_t target_bytes);

// Returns the codec's description of the chunk of `count` elements from `first_element` on. Its rows are
// those in which the tensor stores its elements: of its shape, what pivots leave of them, or those
// below the triangle of a lower matrix. Other stored elements count as a single row.
// Precondition: the tensor stores at least one element.
codec::ChunkShape codec_shape(const catalog::TensorMeta& tensor, std::uint64_t first_element,
                              std::uint64_t count);

// Returns what a record says of chunk `number` of a tensor, coded by `codec`. `plain` is its bytes,
// whose checksum the result has and, with DigestKind::kSha256, whose SHA-256.
catalog::ChunkMeta describe(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
                            codec::CodecId codec, DigestKind digest);

// Encodes chunk `number` of a tensor into a payload (overwritten), with the codec that
// codec::encode() chooses, and returns what a record says of it. `plain` holds exactly the chunk's
// elements.
catalog::ChunkMeta encode(const catalog::TensorMeta& tensor, std::uint32_t number, Bytes plain,
                          const codec::EncodeOptions& options, DigestKind digest,
                          std::vector<std::byte>& payload);

// The checks that decoding a chunk makes.
enum class Check {
  // The decoded checksum and, if there is one, the decoded digest. These prove that the bytes are
  // right, whatever the payload was. The payload's check is compared only if a step fails, to tell
  // which part is at fault.
  kDecoded,
  // The payload's check as well, for callers that must find all damage, including damage to
  // unused bits of a payload.
  kPayload,
};

// What the output holds before a chunk is decoded into it.
enum class Before {
  kNothing,  // bytes of no meaning
  // The bytes on which the chunk leans (format-spec/records.md#leaning-tensors), which the caller has
  // checked: those of a tensor that has the digest of catalog::Support.
  kSupport,
};

// Encodes chunk `number` of a tensor that leans, as encode() does. `support` is the bytes on which the
// chunk leans, as many as `plain`.
catalog::ChunkMeta encode_on_base(const catalog::TensorMeta& tensor, std::uint32_t number,
                                  Bytes plain, Bytes support, const codec::EncodeOptions& options,
                                  DigestKind digest, std::vector<std::byte>& payload);

// Decodes a payload into `out`, of exactly chunk.decoded_bytes bytes, and checks it. A payload whose
// check is not known (see catalog::Payload) is not held against it.
// Errors, naming tensor, chunk and offset: kChecksum, kMalformed, kUnsupported; the latter also if the
// chunk needs a base and `before` is kNothing. On an error the contents of `out` are unspecified.
Status decode(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload,
              MutableBytes out, Check check = Check::kDecoded, Before before = Before::kNothing);

// Checks that bytes are those that a chunk decodes to: the decoded checksum, and the decoded digest if
// there is one. Errors: kChecksum, naming tensor, chunk and offset. Precondition: `plain` has
// chunk.decoded_bytes bytes.
Status check_decoded(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes plain);

// Checks the payload's check only, if it is known. Errors: kChecksum, naming tensor, chunk and
// offset.
Status check_payload(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk, Bytes payload);

// Checks that the chunk requires no extension that is not known. decode() does so too. Errors:
// kUnsupported, naming tensor, chunk and offset.
Status check_known(const catalog::TensorMeta& tensor, const catalog::Chunk& chunk);

}  // namespace bbz::chunk
