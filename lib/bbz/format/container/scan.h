// Finds the records that a damaged archive still holds.
#pragma once

#include <functional>
#include <optional>

#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

// A stretch of bytes in which no record was found.
struct Gap {
  std::uint64_t begin = 0;  // offset of its first byte in the source
  std::uint64_t end = 0;    // offset after its last byte
};

// Returns the id of the archive in a source: that of an intact file header at the front, of an intact
// trailer at the end, of the last intact trailer or index, or of the first intact file header or
// index at the front of an archive, in this order. Returns nothing if there is none of them. Errors:
// those of the source; kInvalidArgument if the source cannot seek or has no known size.
Result<std::optional<std::uint64_t>> find_id(io::Source& source);

// Searches a source for records of the archive with this id that have an intact head, in order of
// offset. Calls `found` for each and `lost` for each gap between them. The file header at the front
// is no gap if it is intact. A head is intact if its head check holds. It does not depend on the
// offset, so records are found behind bytes that were lost or inserted. The payload may still be
// damaged or truncated: the caller reads and checks it. If no record follows it and it does not have
// its check, it or the pad before it may be shorter than the head says: both are searched too, and
// are a gap. Indexes, trailers and unknown skippable records are found too. Lost are: a record with
// an intact head that breaks a rule of check_fields() (an unknown type, a payload over its limit);
// and the records of another archive with the same id that lies in damaged bytes, as far as its file
// header or its trailer tells it.
// Errors: those of the source and of `found`; kInvalidArgument if the source cannot seek or has no
// known size.
Status scan_records(io::Source& source, std::uint64_t id, const Limits& limits,
                    const std::function<Status(const RecordView&)>& found,
                    const std::function<void(const Gap&)>& lost);

}  // namespace bbz::container
