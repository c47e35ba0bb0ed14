// Reads and checks payloads: those of groups and metadata, and the check of a chunk's.
#pragma once

#include <vector>

#include "bbz/format/catalog/catalog.h"
#include "bbz/io/source.h"

namespace bbz::chunk {

// Checks the payload of a metadata or group record against the check in its meta. `payload` is its
// place. Errors: kChecksum, with the payload's offset.
Status check_payload(const catalog::PayloadCheck& check, const catalog::Payload& payload,
                     Bytes bytes);

// Reads the payload of a metadata or group record and checks it. Errors: those of the source,
// kChecksum. Precondition: payload.length is within the limits.
Result<std::vector<std::byte>> read_payload(io::Source& source, const catalog::PayloadCheck& check,
                                            const catalog::Payload& payload);

// Checks that the value of a metadata record has its check and is UTF-8. If an extension of the
// record is required and not known, only the check is looked at. Errors, naming the payload's
// offset: kChecksum, kMalformed.
Status check_metadata(const catalog::Metadata& metadata, Bytes value);
// Checks that the value of a metadata record can be understood. Errors: kUnsupported if an extension
// of the record is required and not known.
Status check_known(const catalog::Metadata& metadata);

// Returns the check of a payload, which is read from the archive if an index listed its record.
// Errors: those of the source.
Result<std::uint32_t> read_check(io::Source& source, const catalog::Payload& payload);

// Says why a chunk could not be decoded: kChecksum if its payload does not have its payload check,
// which is read from the archive if it is not known, and otherwise `error`. Errors: also those of
// the source.
Status explain(io::Source& source, const catalog::TensorMeta& tensor, const catalog::Chunk& chunk,
               Bytes payload, const Error& error);

}  // namespace bbz::chunk
