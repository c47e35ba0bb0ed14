// Reads and writes the part of a payload before the lower bits: the header and the tables. See
// format-spec/codecs.md.
#pragma once

#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/wire.h"
#include "bbz/codec/difference/layout.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::difference {

// The frequencies of the live tables.
using Tables = std::array<split::Frequencies, kMaxTables>;

// Returns the size of a header in bytes, which depends on the number of streams.
std::size_t header_size(const Header& header);
// Appends a header with the classes.
void put_header(const Header& header, const Classes& classes, WireWriter& out);
// Reads a header, and checks the range of each field. `classes` must be that of the dtype, and gets
// the fields that are read. Errors: kUnsupported if the form is unknown; kMalformed.
Result<Header> get_header(WireReader& in, Classes& classes);

// Appends the exponents of the tables and the live tables.
void put_tables(const Classes& classes, const Tables& tables, WireWriter& out);
// Reads the exponents of the tables into `classes`, and returns the live tables. Errors: kMalformed.
Result<Tables> get_tables(WireReader& in, Classes& classes);

}  // namespace bbz::codec::difference
