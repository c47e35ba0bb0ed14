// Reads and writes the header of a split-number payload. See format-spec/codecs.md.
#pragma once

#include "bbz/base/error.h"
#include "bbz/base/wire.h"
#include "bbz/codec/number/layout.h"

namespace bbz::codec::number {

// Returns the size of a header in bytes, which depends on the number of streams.
std::size_t header_size(const Header& header);
// Appends a header.
void put_header(const Header& header, WireWriter& out);
// Reads a header, and checks the range of each field. Does not check them against the chunk. Errors:
// kUnsupported if the form or the kind is unknown; kMalformed.
Result<Header> get_header(WireReader& in);

}  // namespace bbz::codec::number
