// Reads and writes the parts of a split-float payload before its coded elements: the header, the
// tables, and the fields of rows and columns. See format-spec/codecs.md.
#pragma once

#include <vector>

#include "bbz/base/error.h"
#include "bbz/base/wire.h"
#include "bbz/codec/split/layout.h"
#include "bbz/codec/split/table.h"

namespace bbz::codec::split {

// Appends a header.
void put_header(const Header& header, WireWriter& out);
// Reads a header, and checks the range of each field. Does not check them against the chunk.
// Errors: kUnsupported if the form or the number of top bits is unknown; kMalformed.
Result<Header> get_header(WireReader& in);
// Returns the size of a header in bytes, which depends on the number of streams.
std::size_t header_size(const Header& header);

// Appends a table of frequencies.
void put_table(const Frequencies& frequencies, WireWriter& out);
// Reads a table of frequencies of this codec, whose name begins the message of an error. Errors:
// kMalformed.
Result<Frequencies> get_table(WireReader& in, const char* codec = "split float");

// Appends the lowest `bits` bits (0-16) of each value, packed from the lowest bit of the first byte
// up. The unused bits of the last byte are zero.
void put_fields(const std::vector<std::uint16_t>& values, int bits, WireWriter& out);
// Reads `count` values of `bits` bits that put_fields() wrote, and overwrites `values` with them. The
// name of the codec begins the message of an error. Errors: kMalformed.
Status get_fields(WireReader& in, std::uint64_t count, int bits, std::vector<std::uint16_t>& values,
                  const char* codec = "split float");

}  // namespace bbz::codec::split
