// Finds the records that a damaged archive still holds.
#pragma once

#include <functional>

#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

// A stretch of bytes in which no record was found.
struct Gap {
  std::uint64_t begin = 0;  // offset of its first byte in the source
  std::uint64_t end = 0;    // offset after its last byte
};

// Searches a source for records with an intact head, in order of offset. Calls `found` for each and
// `lost` for each gap between them. A head is intact if its checksum, which covers its offset,
// holds. The payload may still be damaged or truncated: the caller reads and checks it. Indexes,
// trailers and unknown skippable records are found too. A record with an intact head that breaks a
// rule of check_fields() (an unknown type, a payload over its limit) is skipped and counts as lost.
// Errors: those of the source and of `found`; kInvalidArgument if the source cannot seek or has no
// known size.
Status scan_records(io::Source& source, const Limits& limits,
                    const std::function<Status(const RecordView&)>& found,
                    const std::function<void(const Gap&)>& lost);

}  // namespace bbz::container
