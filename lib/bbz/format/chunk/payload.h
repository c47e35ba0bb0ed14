// Reads and checks the payloads of groups and metadata.
#pragma once

#include <optional>
#include <vector>

#include "bbz/format/catalog/catalog.h"
#include "bbz/io/source.h"

namespace bbz::chunk {

// Checks the bytes of a payload against its checksum. Errors: kChecksum, with the payload's offset.
Status check_payload_checksum(const catalog::Payload& payload, Bytes bytes);

// Reads a payload and checks it against its checksum. Errors: those of the source, kChecksum.
// Precondition: payload.length is within the limits.
Result<std::vector<std::byte>> read_payload(io::Source& source, const catalog::Payload& payload);

// Checks the payload of a metadata or group record against the digest in its meta, if there is one.
// Errors: kChecksum, with the payload's offset.
Status check_payload_digest(const std::optional<Digest>& digest, const catalog::Payload& payload,
                            Bytes bytes);

// Checks that the value of a metadata record has its digest, if there is one, and is UTF-8. Errors,
// naming the payload's offset: kChecksum, kMalformed.
Status check_metadata(const catalog::Metadata& metadata, Bytes value);

}  // namespace bbz::chunk
