// Finds records in what is left of a damaged archive.
#pragma once

#include <functional>

#include "bbz/format/container/record.h"
#include "bbz/io/source.h"

namespace bbz::container {

// A stretch of bytes in which no record was found.
struct Gap {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// Looks through a seekable source for records whose head is whole, in order of offset, and calls
// `found` for each and `lost` for each gap between them. A head is believed where its checksum
// holds for the place where it was found. Its payload may still be damaged or cut
// off: the caller reads and checks it. Indexes, trailers and unknown skippable records are found
// too. A whole record that breaks the rules of decode_head (an unknown type, a payload over its
// limit) is passed over and counts as lost. Errors: those of the source, and whatever `found`
// returns.
Status scan_records(io::Source& source, const Limits& limits,
                    const std::function<Status(const RecordView&)>& found,
                    const std::function<void(const Gap&)>& lost);

}  // namespace bbz::container
