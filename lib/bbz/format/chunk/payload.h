// Checks of payloads other than those of chunks: groups and metadata, whose records hold a digest.
#pragma once

#include <optional>
#include <vector>

#include "bbz/format/catalog/catalog.h"
#include "bbz/io/source.h"

namespace bbz::chunk {

// Compares a payload with its checksum. Errors: kChecksum, with the payload's offset.
Status check_payload_checksum(const catalog::Payload& payload, Bytes bytes);

// Reads a payload and compares it with its checksum. Errors: those of the source, kChecksum.
Result<std::vector<std::byte>> read_payload(io::Source& source, const catalog::Payload& payload);

// Compares the payload of a metadata or group record with the digest in its meta, if there is one.
// Errors: kChecksum, with the payload's offset.
Status check_payload_digest(const std::optional<Digest>& digest, const catalog::Payload& payload,
                            Bytes bytes);

// Checks that the value of a metadata record has its digest and is text. Errors: kChecksum;
// kMalformed if it is not UTF-8; the record is named.
Status check_metadata(const catalog::Metadata& metadata, Bytes value);

}  // namespace bbz::chunk
